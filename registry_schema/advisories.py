"""Advisories: what the owner of a registry warns of, by digest; one JSON object per line, only ever added to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Literal

from registry_schema import strict_json
from registry_schema.digests import Digest
from registry_schema.document import Document
from registry_schema.errors import SchemaError
from registry_schema.text import Line, Timestamp, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

FORMAT: Literal[1] = 1
MAX_ADVISORIES_BYTES = 4 << 20
MAX_ADVISORIES = 20_000
_MAX_LINE_BYTES = 2 << 10
AdvisoryKind = Literal["malicious", "harmful", "stolen", "broken"]


class Advisory(Document):
    """One warning; `digest` is that of a manifest, of a weights file or of the tensors in one."""

    v: Literal[1] = FORMAT
    digest: Digest
    kind: AdvisoryKind
    reason: Annotated[str, Line(200)]
    date: Timestamp

    def to_bytes(self) -> bytes:
        """One canonical line: compact UTF-8 JSON, keys sorted, a newline at the end."""
        text = json.dumps(self.plain(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return f"{text}\n".encode()


def read_advisories(data: bytes, *, source: str = "advisories.jsonl") -> tuple[Advisory, ...]:
    """The advisories in their order; lines of a newer format are left out.

    Raises:
        SchemaError: over a limit, not finished, or a line that is not valid.
    """
    if len(data) > MAX_ADVISORIES_BYTES:
        raise SchemaError(f"{source}: is {len(data)} bytes long, expected at most {MAX_ADVISORIES_BYTES}")
    if data and not data.endswith(b"\n"):
        raise SchemaError(f"{source}: the last line has no newline, expected a finished line")
    rows = data.split(b"\n")[:-1]
    if len(rows) > MAX_ADVISORIES:
        raise SchemaError(f"{source}: has {len(rows)} lines, expected at most {MAX_ADVISORIES}")
    found = (_read_line(row, source=f"{source}:{number}") for number, row in enumerate(rows, start=1))
    return tuple(advisory for advisory in found if advisory is not None)


def write_advisories(advisories: Iterable[Advisory]) -> bytes:
    """The bytes of an advisories file; `read_advisories` gives the same."""
    return b"".join(advisory.to_bytes() for advisory in advisories)


def _read_line(row: bytes, *, source: str) -> Advisory | None:
    value = strict_json.parse(row, max_bytes=_MAX_LINE_BYTES, source=source)
    if not isinstance(value, dict) or "v" not in value:
        raise SchemaError(f"{source}: v is missing, expected `{FORMAT}`")
    version = value["v"]
    if not isinstance(version, int) or isinstance(version, bool) or version < FORMAT:
        raise SchemaError(f"{source}: v `{shown(version)}` is not a format, expected `{FORMAT}`")
    return Advisory.of(value, source=source) if version == FORMAT else None
