"""What the store remembers about one installed build: its index line, where it came from, and how its files looked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, Final

from registry_schema.document import Document, RootDocument
from registry_schema.errors import IntegrityProblem, MivaError
from registry_schema.index import IndexLine
from registry_schema.names import RegistryName
from registry_schema.text import Timestamp

if TYPE_CHECKING:
    import os
    from datetime import datetime
    from pathlib import Path

    from mivactl.store.layout import StoreLayout

_REMEMBERED: Final = 4096


class FileGuard(Document):
    """How a file looked when its digest was last checked; while it looks so, it is not hashed again."""

    size: int
    modified_ns: int
    inode: int

    @classmethod
    def of_file(cls, path: Path) -> FileGuard:
        """How the file at `path` looks now."""
        return cls.of_status(path.stat(follow_symlinks=False))

    @classmethod
    def of_status(cls, status: os.stat_result) -> FileGuard:
        """The same of what the system said about it."""
        return cls(size=status.st_size, modified_ns=status.st_mtime_ns, inode=status.st_ino)


class Pointer(RootDocument):
    """The content of a pointer file; `guards` names every file the build needs, by digest."""

    SCHEMA: ClassVar[str] = "mivactl.installed/1"
    SOURCE: ClassVar[str] = "pointer"

    line: IndexLine
    registry: RegistryName
    installed: Timestamp
    guards: dict[str, FileGuard]


@dataclass(frozen=True)
class InstalledBuild:
    """One installed build.

    Attributes:
        place: the path of its pointer below `installed/`.
        last_used: when `animate` last took it, or None.
        layout: of the store that has it.
        shared: whether that is a store of others, which is never written.
    """

    place: str
    pointer: Pointer
    last_used: datetime | None
    layout: StoreLayout
    shared: bool = False

    @property
    def line(self) -> IndexLine:
        """What the registry said about it."""
        return self.pointer.line


def place_of(line: IndexLine) -> str:
    """The path of a build's pointer below `installed/`; different builds have different paths."""
    masked = "--masked" if line.masked else ""
    return f"{line.name}/{line.version}--{line.base.name}{masked}.json"


@lru_cache(maxsize=_REMEMBERED)
def parse_pointer(content: bytes, place: str) -> Pointer:
    """The pointer that `content` holds; a command asks several times about the same.

    Raises:
        IntegrityProblem: it holds none, or another build's.
    """
    hint = "run `mivactl doctor --repair`, then install the adapter again"
    try:
        pointer = Pointer.parse(content, source=f"pointer `{place}` of the store")
    except MivaError as error:
        raise IntegrityProblem(error.message, hint=error.hint or hint) from error
    if place_of(pointer.line) != place:
        raise IntegrityProblem(f"pointer `{place}` of the store names `{place_of(pointer.line)}`", hint=hint)
    return pointer
