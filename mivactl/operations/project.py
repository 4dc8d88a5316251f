"""The lock file of a project: read, written in one step, and held by one process at a time while it changes."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from mivactl.crash_point import crash_point
from mivactl.disk import disk_errors, stage_durably, sync_folder
from mivactl.file_lock import locked
from registry_schema.digests import Digest
from registry_schema.errors import MivaError, NotFound
from registry_schema.lock import Lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mivactl.session import Session

LOCK_NAME: Final = Lock.SOURCE


def read_lock(project: Path) -> Lock | None:
    """The lock of the project in a folder; None where there is none.

    Raises:
        SchemaError: the file is no lock.
    """
    path = project / LOCK_NAME
    try:
        with path.open("rb") as file:
            content = file.read(Lock.MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise MivaError(f"cannot read `{path}`: {error.strerror}", hint="look at its permissions") from error
    return Lock.parse(content, source=str(path))


def require_lock(project: Path) -> Lock:
    """The same, where there has to be one.

    Raises:
        NotFound: there is none.
        SchemaError: the file is no lock.
    """
    lock = read_lock(project)
    if lock is None:
        raise NotFound(
            f"there is no `{project / LOCK_NAME}`", hint="`mivactl lock waterfall clouds` writes one for these adapters"
        )
    return lock


@contextmanager
def project_held(project: Path, session: Session) -> Iterator[None]:
    """Keep other processes from changing the lock of a project meanwhile.

    Raises:
        NotFound: there is no such folder.
        Busy: another process kept it all the time.
    """
    if not project.is_dir():
        raise NotFound(f"there is no folder `{project}`", hint=f"make it with `mkdir -p {project}`")
    path = project.resolve()
    name = Digest.of(str(path).encode()).hex[:16]
    file = session.settings.home / "locks" / f"project-{name}.lock"
    with locked(file, resource=f"`{path / LOCK_NAME}`", timeout_seconds=session.settings.lock_timeout):
        yield


def keep_locked_builds(project: Path, lock: Lock, session: Session) -> None:
    """Tell the store to keep what the lock of a project names, as long as its file is there.

    Raises:
        Busy: another process holds the store.
    """
    session.store.keep_for_project((project / LOCK_NAME).resolve(), (entry.manifest for entry in lock.adapters))


def write_lock(project: Path, lock: Lock) -> None:
    """Replace the lock of a project in one step; whoever calls holds the project.

    Raises:
        UsageProblem, ResourceProblem: the folder can not be written, or the disk is full.
    """
    path = project / LOCK_NAME
    with disk_errors(path):
        for abandoned in project.glob(f".{LOCK_NAME}.*"):
            with suppress(OSError):
                abandoned.unlink()
        staged = stage_durably(path, lock.to_bytes())
        crash_point("lock.staged")
        staged.replace(path)
        sync_folder(project)
        crash_point("lock.placed")
