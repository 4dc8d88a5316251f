"""Whether the store holds what its pointers say."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from mivactl.operations.diagnosis.finding import REPAIR, Finding
from mivactl.operations.verify import check_build
from mivactl.store.journal import read_journal
from mivactl.store.pointer import parse_pointer
from mivactl.store.projects import read_projects
from mivactl.store.transaction import abandoned_staging
from registry_schema.errors import IntegrityProblem, MivaError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mivactl.session import Session
    from mivactl.store.layout import StoreLayout


def content_findings(session: Session) -> Iterator[Finding]:
    """What is wrong with pointers, files and leftovers; every installed file is hashed."""
    layout = session.store.layout
    damaged = [*_journal(layout), *_damaged_pointers(layout), *_projects(layout), *_links(layout)]
    yield from damaged
    if not any(finding.check in {"journal", "pointer"} for finding in damaged):
        yield from _files(session)
    for staging in abandoned_staging(layout, time.time()):
        yield Finding("leftovers", "note", f"a process that ended left `{staging}`", "mivactl gc")
    for shared in session.store.shared:
        if not shared.installed.is_dir():
            yield Finding(
                "shared store", "problem", f"`{shared.root}` has no installed adapters", "unset MIVACTL_SHARED_STORE"
            )


def damaged_pointers(layout: StoreLayout) -> Iterator[tuple[Path, IntegrityProblem]]:
    """Pointers that can not be read."""
    for path in sorted(layout.installed.glob("*/*/*.json")):
        try:
            parse_pointer(path.read_bytes(), path.relative_to(layout.installed).as_posix())
        except IntegrityProblem as problem:
            yield path, problem
        except FileNotFoundError:
            continue


def links_below(layout: StoreLayout) -> Iterator[Path]:
    """Symbolic links in the store; none is followed."""
    for folder, folders, files in os.walk(layout.root):
        base = Path(folder)
        yield from (base / name for name in (*folders, *files) if (base / name).is_symlink())


def _journal(layout: StoreLayout) -> Iterator[Finding]:
    try:
        journal = read_journal(layout.journal)
    except (IntegrityProblem, OSError) as problem:
        yield Finding("journal", "problem", str(problem), REPAIR)
        return
    if journal.pending:
        yield Finding("interrupted change", "note", "a change was committed and not finished", REPAIR)


def _damaged_pointers(layout: StoreLayout) -> Iterator[Finding]:
    for _, problem in damaged_pointers(layout):
        yield Finding("pointer", "problem", problem.message, REPAIR)


def _projects(layout: StoreLayout) -> Iterator[Finding]:
    try:
        read_projects(layout.projects)
    except MivaError as problem:
        yield Finding("projects", "problem", problem.message, REPAIR)


def _links(layout: StoreLayout) -> Iterator[Finding]:
    for path in links_below(layout):
        yield Finding("links", "problem", f"`{path}` is a symbolic link; the store follows none", REPAIR)


def _files(session: Session) -> Iterator[Finding]:
    for build in session.store.installed():
        for problem in check_build(build, session):
            message = f"{problem.name} {problem.version}: `{problem.file}` is {problem.kind}: {problem.detail}"
            yield Finding("files", "problem", message, REPAIR)
