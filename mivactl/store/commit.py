"""Carrying out a change under the lock: files into place, the journal, the pointers, and what nobody needs any more."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mivactl.crash_point import crash_point
from mivactl.disk import sync_folder, write_durably
from mivactl.store.journal import Journal, new_journal, read_journal, write_journal
from mivactl.store.needed import digest_at, needed_files
from mivactl.store.plain_files import make_private
from mivactl.store.pointer import FileGuard, Pointer, place_of

if TYPE_CHECKING:
    from pathlib import Path

    from mivactl.content import Content
    from mivactl.store.layout import StoreLayout
    from mivactl.store.transaction import NewBuild
    from registry_schema.text import Timestamp


@dataclass(frozen=True)
class PlacedFile:
    """A checked copy and where it belongs.

    Attributes:
        replaces: whether it takes the place of a damaged file; else a file that is there already stays.
    """

    content: Content
    staged: Path
    target: Path
    replaces: bool

    def put(self) -> None:
        """Rename the copy to its place, whose folder is there."""
        if self.replaces or not self.target.exists():
            self.staged.replace(self.target)
            sync_folder(self.target.parent)


@dataclass(frozen=True)
class Change:
    """Everything one transaction does."""

    files: tuple[PlacedFile, ...]
    builds: tuple[NewBuild, ...]
    removed: tuple[str, ...]
    time: Timestamp


def carry_out(layout: StoreLayout, change: Change) -> None:
    """Make `change` visible; the caller holds the lock."""
    recover(layout)
    for file in change.files:
        make_private(file.target.parent, layout.root)
        file.put()
        crash_point("store.blob-placed")
    crash_point("store.all-placed")
    guards = {str(file.content.digest): FileGuard.of_file(file.target) for file in change.files}
    pointers = {place_of(build.line): _pointer(build, guards, change.time) for build in change.builds}
    journal = new_journal(pointers, tuple(place for place in change.removed if place not in pointers))
    write_journal(layout.journal, journal)
    crash_point("store.committed")
    _apply(layout, journal)
    if change.removed:
        _sweep(layout)
        crash_point("store.swept")


def recover(layout: StoreLayout) -> None:
    """Finish a change that a process could not finish; the caller holds the lock."""
    journal = read_journal(layout.journal)
    if journal.pending:
        _apply(layout, journal)


def _pointer(build: NewBuild, guards: dict[str, FileGuard], time: Timestamp) -> str:
    needed = [str(content.digest) for content in (build.manifest, *build.files)]
    pointer = Pointer(
        line=build.line,
        registry=build.registry,
        installed=time,
        guards={digest: guards[digest] for digest in needed},
    )
    return pointer.to_bytes().decode()


def _apply(layout: StoreLayout, journal: Journal) -> None:
    for place, text in journal.write.items():
        path = layout.installed / place
        make_private(path.parent, layout.root)
        write_durably(path, text.encode())
        # The time of modification says when the build was last used: never, so far.
        os.utime(path, (0, 0))
        crash_point("store.pointer-changed")
    for place in journal.remove:
        (layout.installed / place).unlink(missing_ok=True)
        crash_point("store.pointer-changed")
    crash_point("store.applied")
    write_journal(layout.journal, journal.done())


def _sweep(layout: StoreLayout) -> None:
    """Remove the files nothing needs. Under the lock every transaction is either before its files or after them."""
    needed = needed_files(layout)
    for path in layout.contents():
        if digest_at(path) not in needed:
            path.unlink(missing_ok=True)
            with suppress(OSError):
                path.parent.rmdir()
