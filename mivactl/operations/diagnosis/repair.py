"""What `doctor --repair` mends: everything that the registries, or a rule, say how it should be."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mivactl.operations.copying import reinstall
from mivactl.operations.diagnosis.store_content import damaged_pointers, links_below
from mivactl.operations.diagnosis.store_disk import loose_files, stale_token
from mivactl.operations.verify import check_build
from mivactl.store.journal import read_journal
from mivactl.store.projects import read_projects
from mivactl.store.transaction import abandoned_staging, discard
from registry_schema.errors import IntegrityProblem, MivaError, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mivactl.session import Session
    from mivactl.store.pointer import InstalledBuild


@dataclass(frozen=True)
class Repair:
    """One thing that was done."""

    what: str


def repair(session: Session) -> Iterator[Repair]:
    """Mend the store, step by step: each step leaves it better than it was, so a repair may be broken off.

    Raises:
        Busy: another process holds the store.
        UsageProblem: it can not be written.
    """
    if not session.store.layout.root.is_dir():
        return
    yield from _let_go(session)
    yield from _remove_links(session)
    yield from _tighten(session)
    yield from _unreadable(session)
    session.store.finish_interrupted_change()
    for build in session.store.own():
        yield from _mend(build, session)
    for staging in tuple(abandoned_staging(session.store.layout, time.time())):
        discard(staging)
        yield Repair(f"removed what a process that ended left: {staging.name}")


def _let_go(session: Session) -> Iterator[Repair]:
    token = stale_token(session.store.layout)
    held = token.holder() if token else None
    if token is not None and held is not None and token.free(held[0]):
        yield Repair(f"let go of the store, which {held[0].words} held")


def _remove_links(session: Session) -> Iterator[Repair]:
    for path in tuple(links_below(session.store.layout)):
        path.unlink()
        yield Repair(f"removed the symbolic link `{path}`, not what it led to")


def _tighten(session: Session) -> Iterator[Repair]:
    for path, mode in tuple(loose_files(session.store.layout)):
        with suppress(OSError):
            path.chmod(mode)
            yield Repair(f"`{path}` can be written by fewer now: {mode:o}")


def _unreadable(session: Session) -> Iterator[Repair]:
    """Remove what can not be read, so that the rest can be worked with again."""
    layout = session.store.layout
    try:
        read_journal(layout.journal)
    except IntegrityProblem:
        layout.journal.unlink(missing_ok=True)
        yield Repair("removed the journal, which could not be read")
    try:
        read_projects(layout.projects)
    except MivaError:
        layout.projects.unlink(missing_ok=True)
        yield Repair("removed the list of projects; `mivactl sync` in each writes it again")
    for path, _ in tuple(damaged_pointers(layout)):
        path.unlink(missing_ok=True)
        yield Repair(f"removed the pointer `{path.relative_to(layout.installed)}`; install that adapter again")


def _mend(build: InstalledBuild, session: Session) -> Iterator[Repair]:
    """Fetch the files of a damaged build again; without them, and without a registry that has them, it is removed."""
    problems = check_build(build, session)
    if not problems:
        return
    name = f"{build.line.name} {build.line.version}"
    try:
        reinstall(build, session)
    except (NotFound, IntegrityProblem) as problem:
        if any(found.kind == "missing" for found in problems):
            with session.store.transaction() as change:
                change.remove(build.place)
            yield Repair(f"removed {name}, whose files nobody has: {problem.message}")
        return
    except MivaError:
        # the registry can not be asked now; the next repair may
        return
    yield Repair(f"fetched {name} again from {build.pointer.registry}")
