"""Index lines: what a resolver needs of each build, one JSON object per line; only a line's status may change.

Lines of later formats stand behind them; those of format 2 are in `registry_schema.attachments`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from registry_schema import strict_json
from registry_schema.base_spec import BaseIdentity
from registry_schema.digests import Digest
from registry_schema.document import Document, rule
from registry_schema.errors import SchemaError
from registry_schema.files import MAX_FILE_BYTES
from registry_schema.manifest import BuildKey, Manifest
from registry_schema.names import AdapterName
from registry_schema.text import Licence, Line, Timestamp, shown
from registry_schema.versions import Version, VersionRange

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FORMAT: Literal[1] = 1
MAX_INDEX_BYTES = 4 << 20
MAX_LINES = 20_000
MAX_LINE_BYTES = 8 << 10
Status = Literal["active", "yanked", "deprecated"]


@dataclass(frozen=True)
class StatusChange:
    """A new status, why, and which adapter takes its place."""

    status: Status
    note: str | None = None
    successor: AdapterName | None = None


class ManifestPointer(Document):
    """Where a build's manifest is: its digest and size in bytes."""

    digest: Digest
    size: Annotated[int, Field(ge=2, le=Manifest.MAX_BYTES)]


class WeightsPointer(Document):
    """Where a build's weights are: digest and size of the file, digest of its data section."""

    digest: Digest
    size: Annotated[int, Field(ge=8, le=MAX_FILE_BYTES["weights"])]
    tensors: Digest


class IndexLine(Document):
    """One build in an index."""

    v: Literal[1] = FORMAT
    name: AdapterName
    version: Version
    base: BaseIdentity
    masked: bool
    manifest: ManifestPointer
    weights: WeightsPointer
    motion: Annotated[str, Line(60)]
    licence: Licence
    region: Literal["subject", "whole"]
    published: Timestamp
    status: Status = "active"
    note: Annotated[str, Line(200)] | None = None
    successor: AdapterName | None = None
    requires: VersionRange = VersionRange()

    @property
    def key(self) -> BuildKey:
        """What tells this build from others."""
        return BuildKey(self.name, self.version, self.base.name, self.masked)

    @model_validator(mode="after")
    def _agree(self) -> IndexLine:
        if self.successor is not None and self.status == "active":
            raise rule(
                "successor", f"`{self.successor}` is named while status is `active`, expected `deprecated` or `yanked`"
            )
        if self.successor == self.name:
            raise rule("successor", f"`{self.successor}` is the adapter itself, expected another one")
        return self

    def to_bytes(self) -> bytes:
        """One canonical line: compact UTF-8 JSON, keys sorted, a newline at the end."""
        text = json.dumps(self.plain(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return f"{text}\n".encode()

    @classmethod
    def for_manifest(cls, manifest: Manifest, *, published: Timestamp) -> IndexLine:
        """The line that announces `manifest`."""
        data, weights, adapter = manifest.to_bytes(), manifest.weights, manifest.adapter
        return cls(
            name=manifest.name,
            version=manifest.version,
            base=adapter.base,
            masked=adapter.masked,
            manifest=ManifestPointer(digest=Digest.of(data), size=len(data)),
            weights=WeightsPointer(digest=weights.digest, size=weights.size, tensors=manifest.tensors.digest),
            motion=adapter.motion,
            licence=manifest.licence,
            region=adapter.region,
            published=published,
            requires=manifest.requires,
        )


def read_index(data: bytes, *, source: str = "index") -> tuple[IndexLine, ...]:
    """The lines of an index in their order; lines of a newer format are left out.

    Raises:
        SchemaError: over a limit, not finished, a line that is not valid, or one build twice.
    """
    found: dict[BuildKey, IndexLine] = {}
    for label, value in rows_of_format(data, FORMAT, source=source):
        line = IndexLine.of(value, source=label)
        if line.key in found:
            raise SchemaError(f"{label}: `{line.name}` {line.key.tag} is listed already, expected each build once")
        found[line.key] = line
    return tuple(found.values())


def write_index(lines: Iterable[IndexLine], later: Iterable[bytes] = ()) -> bytes:
    """The bytes of an index; `read_index` gives the same lines.

    Args:
        later: rows of later formats, as `later_rows` gave them: a writer keeps what it does not know.
    """
    return b"".join((*(line.to_bytes() for line in lines), *later))


def rows_of_format(data: bytes, version: int, *, source: str) -> Iterator[tuple[str, object]]:
    """What to call each row of one format, and what it holds; raises as `read_index`."""
    return ((f"{source}:{number}", value) for number, found, value, _ in _rows(data, source) if found == version)


def later_rows(data: bytes, *, source: str = "index") -> tuple[bytes, ...]:
    """The rows of formats after that of builds, each with its newline; raises as `read_index`."""
    return tuple(row + b"\n" for _, version, _, row in _rows(data, source) if version > FORMAT)


def _rows(data: bytes, source: str) -> Iterator[tuple[int, int, object, bytes]]:
    """Number, format, content and bytes of each row."""
    if len(data) > MAX_INDEX_BYTES:
        raise SchemaError(f"{source}: is {len(data)} bytes long, expected at most {MAX_INDEX_BYTES}")
    if data and not data.endswith(b"\n"):
        raise SchemaError(f"{source}: the last line has no newline, expected a finished line")
    rows = data.split(b"\n")[:-1]
    if len(rows) > MAX_LINES:
        raise SchemaError(f"{source}: has {len(rows)} lines, expected at most {MAX_LINES}")
    for number, row in enumerate(rows, start=1):
        value = strict_json.parse(row, max_bytes=MAX_LINE_BYTES, source=f"{source}:{number}")
        yield number, _format_of(value, source=f"{source}:{number}"), value, row


def _format_of(value: object, *, source: str) -> int:
    if not isinstance(value, dict) or "v" not in value:
        raise SchemaError(f"{source}: v is missing, expected `{FORMAT}`")
    version = value["v"]
    if not isinstance(version, int) or isinstance(version, bool) or version < FORMAT:
        raise SchemaError(f"{source}: v `{shown(version)}` is not a format, expected `{FORMAT}`")
    return version
