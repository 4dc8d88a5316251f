"""The index file of one adapter: its lines and attachments, and nobody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_schema.attachments import Attachment, read_attachments
from registry_schema.errors import IntegrityProblem
from registry_schema.index import IndexLine, read_index

if TYPE_CHECKING:
    from collections.abc import Sequence

    from registry_schema.names import AdapterName


def lines_of(name: AdapterName, content: bytes | None, *, source: str) -> tuple[IndexLine, ...]:
    """The builds of one adapter in publish order; none where there is no file.

    Raises:
        IntegrityProblem: the index file is not valid, or is another adapter's.
    """
    lines = read_index(content or b"", source=source)
    _require_own(name, lines, source)
    return lines


def attachments_of(name: AdapterName, content: bytes | None, *, source: str) -> tuple[Attachment, ...]:
    """What was attached to the builds of one adapter, oldest first; raises as `lines_of`."""
    attachments = read_attachments(content or b"", source=source)
    _require_own(name, attachments, source)
    return attachments


def _require_own(name: AdapterName, entries: Sequence[IndexLine | Attachment], source: str) -> None:
    stray = next((entry for entry in entries if entry.name != name), None)
    if stray is not None:
        raise IntegrityProblem(
            f"`{source}` lists `{stray.name}`, expected `{name}` only", hint="tell the owner of the registry"
        )
