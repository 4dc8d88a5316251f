"""Attachments: previews and reports that come after a build was published, as lines of its index that point at files.

They are lines of format 2: who knows builds alone passes over them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal

from pydantic import model_validator

from registry_schema.digests import Digest
from registry_schema.document import Document, rule
from registry_schema.errors import SchemaError
from registry_schema.files import FileEntry
from registry_schema.index import rows_of_format
from registry_schema.names import AdapterName
from registry_schema.text import Timestamp

if TYPE_CHECKING:
    from registry_schema.files import FileKind, FileName

FORMAT: Literal[2] = 2
KINDS: frozenset[FileKind] = frozenset({"preview", "report"})


class Attachment(Document):
    """A file that belongs to the build whose manifest has the digest `manifest`; it never changes."""

    v: Literal[2] = FORMAT
    name: AdapterName
    manifest: Digest
    file: FileEntry
    published: Timestamp

    @model_validator(mode="after")
    def _can_come_later(self) -> Attachment:
        if self.file.kind not in KINDS:
            raise rule("file.kind", f"`{self.file.kind}` belongs to a build, expected `preview` or `report`")
        return self

    @property
    def key(self) -> tuple[Digest, FileName]:
        """What tells this attachment from others: its build, and its name there."""
        return self.manifest, self.file.path

    def to_bytes(self) -> bytes:
        """One canonical line: compact UTF-8 JSON, keys sorted, a newline at the end."""
        text = json.dumps(self.plain(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return f"{text}\n".encode()


def read_attachments(data: bytes, *, source: str = "index") -> tuple[Attachment, ...]:
    """The attachments in an index in their order.

    Raises:
        SchemaError: over a limit, not finished, a line that is not valid, or one name twice for a build.
    """
    found: dict[tuple[Digest, FileName], Attachment] = {}
    for label, value in rows_of_format(data, FORMAT, source=source):
        attachment = Attachment.of(value, source=label)
        if attachment.key in found:
            raise SchemaError(f"{label}: `{attachment.file.path}` is attached already, expected each name once a build")
        found[attachment.key] = attachment
    return tuple(found.values())
