"""The index file of one adapter: its lines, and nobody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_schema.errors import IntegrityProblem
from registry_schema.index import IndexLine, read_index

if TYPE_CHECKING:
    from registry_schema.names import AdapterName


def lines_of(name: AdapterName, content: bytes | None, *, source: str) -> tuple[IndexLine, ...]:
    """The builds of one adapter in publish order; none where there is no file.

    Raises:
        IntegrityProblem: the index file is not valid, or is another adapter's.
    """
    lines = read_index(content or b"", source=source)
    stray = next((line for line in lines if line.name != name), None)
    if stray is not None:
        raise IntegrityProblem(
            f"`{source}` lists `{stray.name}`, expected `{name}` only", hint="tell the owner of the registry"
        )
    return lines
