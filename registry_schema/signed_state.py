"""What the owner of a registry signs, so that old files can not be passed off as the newest.

`Root` says which keys count, `Checkpoint` which snapshot is the newest and until when, `Snapshot` what every mutable
file holds. Each is a file in `trust/` with its signatures beside it.

Source: Samuel et al. 2010, "Survivable Key Compromise in Software Update Systems" (TUF), two of its roles merged.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field, model_validator

from registry_schema.digests import Digest
from registry_schema.document import Document, RootDocument, rule
from registry_schema.index import MAX_INDEX_BYTES, MAX_LINES
from registry_schema.registry_address import RegistryId
from registry_schema.signatures import MAX_KEYS, PublicKey
from registry_schema.text import PatternText, Timestamp

if TYPE_CHECKING:
    from registry_schema.names import AdapterName

ADVISORIES = "advisories.jsonl"
CATALOG = "catalog.jsonl"
CHECKPOINT_DAYS = 7
MAX_STATE_BYTES = 64 << 20
MAX_STATE_FILES = 40_000
_WORD = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"


class StatePath(PatternText):
    """A mutable file of a registry: an index file, the catalog or the advisories."""

    __slots__ = ()
    what = "path"
    pattern = rf"^(index/{_WORD}/{_WORD}\.jsonl|catalog\.jsonl|advisories\.jsonl)$"
    longest = 160

    @classmethod
    def complaint(cls, text: str) -> str | None:
        """See `TextValue`."""
        if cls.matches(text):
            return None
        return "is not signed, expected `index/NAMESPACE/NAME.jsonl`, `catalog.jsonl` or `advisories.jsonl`"

    @classmethod
    def of_index(cls, name: AdapterName) -> StatePath:
        """Where the lines of an adapter are."""
        return cls(f"index/{name.namespace}/{name.name}.jsonl")

    @property
    def max_bytes(self) -> int:
        """The longest file that is looked at."""
        return MAX_INDEX_BYTES if re.match("index/", self) else MAX_STATE_BYTES


class Root(RootDocument):
    """Which keys speak for a registry, and how many of them have to."""

    SCHEMA: ClassVar[str] = "miva.root/1"
    SOURCE: ClassVar[str] = "root.json"

    registry: RegistryId
    version: Annotated[int, Field(ge=1, le=1_000_000)]
    expires: Timestamp
    threshold: Annotated[int, Field(ge=1, le=MAX_KEYS)]
    keys: Annotated[tuple[PublicKey, ...], Field(min_length=1, max_length=MAX_KEYS)]

    @model_validator(mode="after")
    def _agree(self) -> Root:
        if len(set(self.keys)) < len(self.keys):
            raise rule("keys", "names one key twice, expected each once")
        if self.threshold > len(self.keys):
            raise rule("threshold", f"`{self.threshold}` is more than the {len(self.keys)} keys there are")
        return self


class SnapshotPointer(Document):
    """Which snapshot is the newest: its digest and size in bytes."""

    digest: Digest
    size: Annotated[int, Field(ge=2, le=8 << 20)]


class Checkpoint(RootDocument):
    """The newest state of a registry; `counter` only grows, and what has expired may be old news."""

    SCHEMA: ClassVar[str] = "miva.checkpoint/1"
    SOURCE: ClassVar[str] = "checkpoint.json"
    MAX_BYTES: ClassVar[int] = 4 << 10

    registry: RegistryId
    counter: Annotated[int, Field(ge=1, le=2**53 - 1)]
    issued: Timestamp
    expires: Timestamp
    snapshot: SnapshotPointer

    @model_validator(mode="after")
    def _agree(self) -> Checkpoint:
        if not self.issued < self.expires or self.expires > self.issued.later(days=CHECKPOINT_DAYS):
            raise rule("expires", f"`{self.expires}` is not within {CHECKPOINT_DAYS} days after issued `{self.issued}`")
        return self


class SnapshotEntry(Document):
    """What a file holds: digest, size in bytes, lines."""

    digest: Digest
    size: Annotated[int, Field(ge=0, le=MAX_STATE_BYTES)]
    lines: Annotated[int, Field(ge=0, le=10 * MAX_LINES)]


class Snapshot(RootDocument):
    """Every mutable file of a registry at one moment; one that is not named does not belong to it."""

    SCHEMA: ClassVar[str] = "miva.snapshot/1"
    SOURCE: ClassVar[str] = "snapshot.json"
    MAX_BYTES: ClassVar[int] = 8 << 20

    registry: RegistryId
    files: Annotated[dict[StatePath, SnapshotEntry], Field(max_length=MAX_STATE_FILES)]
