"""`HubStatus` (`miva-status.json` on `main`): which builds are withdrawn or deprecated; the Hub has no word for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from mivactl.registry.publication import with_status
from registry_schema.document import Document, RootDocument
from registry_schema.index import StatusChange
from registry_schema.names import AdapterName
from registry_schema.text import Line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from registry_schema.index import IndexLine

BuildTag = Annotated[str, Field(pattern=r"^[0-9][0-9a-z.]*--[a-z0-9.-]+$", max_length=128)]


class BuildStatus(Document):
    """A build, by its tag `1.2.0--nano`, that is not active."""

    tag: BuildTag
    status: Literal["yanked", "deprecated"]
    note: Annotated[str, Line(200)] | None = None
    successor: AdapterName | None = None


class HubStatus(RootDocument):
    """The builds of one adapter that are not active."""

    SCHEMA: ClassVar[str] = "miva.hub-status/1"
    SOURCE: ClassVar[str] = "miva-status.json"
    MAX_BYTES: ClassVar[int] = 1 << 20

    builds: Annotated[tuple[BuildStatus, ...], Field(max_length=2000)] = ()

    @classmethod
    def of_lines(cls, lines: Sequence[IndexLine]) -> HubStatus:
        """What `applied` makes `lines` of."""
        return cls(
            builds=tuple(
                BuildStatus(tag=line.key.tag, status=line.status, note=line.note, successor=line.successor)
                for line in lines
                if line.status != "active"
            )
        )

    def applied(self, lines: Sequence[IndexLine]) -> tuple[IndexLine, ...]:
        """The active `lines` with the status each has here; a build that is gone is passed over.

        Raises:
            SchemaError: a successor that can not be one.
        """
        changed = tuple(lines)
        keys = {line.key.tag: line.key for line in lines}
        for build in self.builds:
            if build.tag in keys:
                change = StatusChange(build.status, build.note, build.successor)
                changed = with_status(changed, keys[build.tag], change)
        return changed
