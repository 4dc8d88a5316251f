"""Writing so that a power cut leaves the old file or the new one, and saying plainly what a disk refused."""

from __future__ import annotations

import errno
import os
import secrets
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from registry_schema.errors import MivaError, ResourceProblem, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Iterator

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NOT_ALLOWED: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST})


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn what the system says while something is written to `path` into an error a person can act on.

    Raises:
        ResourceProblem: no space, or a quota or size limit reached.
        UsageProblem: the place can not be written.
        MivaError: any other failure of the disk.
    """
    try:
        yield
    except OSError as error:
        raise _explained(error, path) from error


def _explained(error: OSError, path: Path) -> MivaError:
    if error.errno in _FULL:
        return ResourceProblem(
            f"no space left to write `{path}`: {error.strerror}",
            hint="free some space, or set `MIVACTL_HOME` to a folder on another disk",
        )
    if error.errno in _NOT_ALLOWED:
        return UsageProblem(
            f"cannot write `{path}`: {error.strerror}",
            hint="choose a folder you may write to; `MIVACTL_HOME` moves the store",
        )
    return MivaError(f"cannot write `{path}`: {error.strerror or error}", hint="look at the disk, then run it again")


def require_space(folder: Path, needed_bytes: int) -> None:
    """Check that the disk of `folder` has `needed_bytes` and a tenth more, before anything is written.

    Raises:
        ResourceProblem: it has not.
    """
    existing = next(parent for parent in (folder, *folder.parents) if parent.is_dir())
    status = os.statvfs(existing)
    free_bytes = status.f_bavail * status.f_frsize
    wanted_bytes = needed_bytes + needed_bytes // 10
    if free_bytes < wanted_bytes:
        raise ResourceProblem(
            f"`{existing}` has {free_bytes} bytes free, {wanted_bytes} are needed",
            hint="free some space, or set `MIVACTL_HOME` to a folder on another disk",
        )


def write_durably(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Replace `path` by `content` in one step; a reader sees all of it or the file that was there before."""
    stage_durably(path, content, mode=mode).replace(path)
    sync_folder(path.parent)


def stage_durably(path: Path, content: bytes, *, mode: int = 0o644) -> Path:
    """A file beside `path` with `content`, safely on the disk and ready to be renamed to it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with suppress(OSError):
            staged.unlink()
        raise
    return staged


def sync_folder(folder: Path) -> None:
    """Put the names inside `folder` on the disk, where the system can do that (not on Windows)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def everything_below(folder: Path) -> Iterator[Path]:
    """`folder` and all paths in it, links not followed; what another process takes away meanwhile is passed over.

    `Path.rglob` stops with an error when a folder goes while it is in it.
    """
    yield folder
    for parent, folders, files in os.walk(folder):
        yield from (Path(parent) / name for name in (*folders, *files))


def last_written(folder: Path) -> float:
    """When something was last written in `folder`, in seconds of the epoch."""
    times = [0.0]
    for path in everything_below(folder):
        with suppress(OSError):
            times.append(path.stat(follow_symlinks=False).st_mtime)
    return max(times)


def folder_size(folder: Path) -> int:
    """Bytes of all files below a folder; 0 where there is none."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
