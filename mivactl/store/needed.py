"""Which files of a store something needs: pointers, a change that is not finished, projects, running processes."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from mivactl.ownership import is_abandoned
from mivactl.store.journal import read_journal
from mivactl.store.plain_files import make_private
from mivactl.store.pointer import parse_pointer
from mivactl.store.projects import read_projects
from registry_schema.digests import Digest
from registry_schema.errors import SchemaError
from registry_schema.manifest import Manifest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from mivactl.ownership import Owner
    from mivactl.store.layout import StoreLayout


def digest_at(path: Path) -> str:
    """The digest a file is named by."""
    return f"sha256:{path.parent.name}{path.name}"


def needed_files(layout: StoreLayout, *, now: float | None = None) -> frozenset[str]:
    """Digests of the files that have to stay.

    Args:
        layout: of the store.
        now: seconds of the epoch; the present moment if left out.

    Raises:
        IntegrityProblem: a pointer, the journal or the list of projects is damaged, so that nobody can tell.
    """
    moment = time.time() if now is None else now
    return frozenset({*_installed(layout), *_of_projects(layout), *_in_use(layout, moment)})


def mark_in_use(layout: StoreLayout, owner: Owner, digests: Iterable[str]) -> None:
    """Keep files as long as the process `owner` lives, and note that they were used now."""
    folder = layout.in_use / owner.name
    make_private(folder, layout.root)
    for digest in map(Digest, digests):
        (folder / digest.hex).touch()
        for path in (layout.blob(digest), layout.manifest(digest)):
            with suppress(FileNotFoundError):
                _note_use(path)


def marks_of_the_gone(layout: StoreLayout, now: float) -> Iterator[Path]:
    """The marks of processes that ended; at the moment `now` in seconds of the epoch."""
    if not layout.in_use.is_dir():
        return
    for folder in layout.in_use.iterdir():
        with suppress(FileNotFoundError):
            if is_abandoned(folder.name, now - folder.stat().st_mtime):
                yield folder


def _note_use(path: Path) -> None:
    """Change a file's ctime, by which the least recently used are found; its times of reading and writing stay."""
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _installed(layout: StoreLayout) -> Iterator[str]:
    for path in layout.installed.glob("*/*/*.json"):
        place = path.relative_to(layout.installed).as_posix()
        with suppress(FileNotFoundError):
            yield from parse_pointer(path.read_bytes(), place).guards
    for place, text in read_journal(layout.journal).write.items():
        yield from parse_pointer(text.encode(), place).guards


def _of_projects(layout: StoreLayout) -> Iterator[str]:
    for digest in read_projects(layout.projects).manifests():
        yield digest
        yield from _files_of(layout.manifest(digest))


def _files_of(manifest: Path) -> Iterable[Digest]:
    with suppress(OSError, SchemaError):
        return [entry.digest for entry in Manifest.parse(manifest.read_bytes()).files]
    return ()


def _in_use(layout: StoreLayout, now: float) -> Iterator[str]:
    gone = frozenset(marks_of_the_gone(layout, now))
    return (f"sha256:{mark.name}" for mark in layout.in_use.glob("*/*") if mark.parent not in gone)
