"""What the tests of the network share: impatient clients that do not really wait, and progress that is recorded."""

from __future__ import annotations

import random
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mivactl.content import Content
from mivactl.transfer.client import ClientOptions, HttpClient
from mivactl.transfer.fetch import Download
from mivactl.transfer.patience import Patience
from mivactl.transfer.ranged_source import HttpSource
from mivactl.transfer.retries import Retries
from registry_schema.digests import Digest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mivactl.transfer.credential import Credential
    from tests.servers.fault_proxy import Fault

# longer than any answer takes on a busy machine, shorter than a test may hang
PATIENT = Patience(stall_seconds=20)
IMPATIENT = Patience(
    connect_seconds=5,
    stall_seconds=0.3,
    answer_seconds=0.5,
    window_seconds=0.2,
    least_bytes_per_second=1000,
    document_seconds=0.5,
)
CANARY = "hf_canary0123456789"


@dataclass
class Pauses:
    """Pauses that were asked for; none is made."""

    tries: int = 5
    seconds: list[float] = field(default_factory=list)

    def retries(self, tries: int | None = None) -> Retries:
        return Retries(tries=tries or self.tries, sleep=self.seconds.append, chance=lambda: 1.0)


def patience_for(fault: Fault) -> Patience:
    """Nobody waits long for what will not come."""
    return PATIENT if fault.stall_at is None and fault.drip_seconds is None else IMPATIENT


def client(
    *credentials: Credential,
    pauses: Pauses | None = None,
    ca: Path | None = None,
    insecure: bool = False,
    patience: Patience = PATIENT,
) -> HttpClient:
    return HttpClient(
        ClientOptions(
            ca=ca,
            insecure=insecure,
            credentials=credentials,
            patience=patience,
            retries=(pauses or Pauses()).retries(),
        )
    )


def blob(size_bytes: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size_bytes)


def download(data: bytes, url: str, *credentials: Credential, patience: Patience = PATIENT) -> Download:
    content = Content(Digest.of(data), len(data), "my/waterfall 1.0.0: adapter.safetensors")
    return Download(content, HttpSource(client(*credentials, patience=patience), url))


@dataclass
class Recorded:
    """A `Progress` that keeps everything; its `counts` add up to what is here."""

    totals: list[int | None] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @contextmanager
    def phase(self, name: str, total: int | None) -> Iterator[Recorded]:
        self.totals.append(total)
        yield self

    def advance(self, n: int = 1, **facts: float | str) -> None:
        self.counts.append(n)

    def note(self, text: str) -> None:
        self.notes.append(text)


def names(folder: Path) -> list[str]:
    """What lies in a folder of parts; of owned ones only that they are, and nothing of a lock's token."""
    found = sorted(path.name for path in folder.iterdir() if path.suffix != ".token") if folder.is_dir() else []
    return [".".join([name.split(".")[0][:4], *(["owned"] * (name.count(".") > 1)), name.split(".")[-1]])
            if "." in name else name[:4] for name in found]  # fmt: skip
