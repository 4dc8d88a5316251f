"""`AnswerCache`: small files of registries as they were last read; losing them costs a download and nothing else."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mivactl.disk import stage_durably
from registry_schema.digests import Digest

if TYPE_CHECKING:
    from pathlib import Path

MOST_BYTES: Final = 256 << 20
_SWEEP_BYTES: Final = 16 << 20


@dataclass(frozen=True)
class Remembered:
    """What an address answered: the content, None if there was nothing, and the `ETag` of this answer, if any."""

    content: bytes | None
    etag: str | None = None


class AnswerCache:
    """Answers by address, in the folder `folder`; the ones that were not used for the longest time go first.

    Args:
        most_bytes: what all of them may take.
    """

    def __init__(self, folder: Path, *, most_bytes: int = MOST_BYTES) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        self._written_bytes = _SWEEP_BYTES  # a process looks at the size once at least

    def find(self, url: str) -> Remembered | None:
        """What is remembered of an address; nothing if it is damaged."""
        path = self._path(url)
        try:
            first, _, content = path.read_bytes().partition(b"\n")
            facts = json.loads(first)
            if facts["url"] != url or facts["digest"] != str(Digest.of(content)):
                return None
            os.utime(path)
            return Remembered(content if facts["there"] else None, facts["etag"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, url: str, answer: Remembered) -> None:
        """Remember an answer; a disk that can not be written goes without."""
        content = answer.content or b""
        facts = {
            "url": url,
            "etag": answer.etag,
            "there": answer.content is not None,
            "digest": str(Digest.of(content)),
        }
        path = self._path(url)
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            stage_durably(path, json.dumps(facts).encode() + b"\n" + content, mode=0o600).replace(path)
            self._written_bytes += len(content)
            if self._written_bytes >= _SWEEP_BYTES:
                self._written_bytes = 0
                self._sweep()

    def _path(self, url: str) -> Path:
        return self._folder / Digest.of(url.encode()).hex

    def _sweep(self) -> None:
        with os.scandir(self._folder) as entries:
            found = [(entry.stat().st_mtime, entry.stat().st_size, entry.path) for entry in entries]
        total = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if total <= self._most_bytes:
                return
            with suppress(OSError):
                os.unlink(path)  # noqa: PTH108 - as scandir gave it
            total -= size
