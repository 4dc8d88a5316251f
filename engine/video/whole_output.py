"""A file or folder that appears whole or not at all: written under a temporary name beside it, then renamed."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from registry_schema.errors import MivaError, ResourceProblem, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FULL = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary path with the same suffix, which becomes `path` when the block ends well.

    Raises:
        UsageProblem: `path` is a folder, or can not be written.
        ResourceProblem: the disk is full.
    """
    with _written_beside(path) as temporary:
        if path.is_dir():
            raise UsageProblem(f"`{path}` is a folder, expected a file name", hint=f"pass `{path / 'clip.mp4'}`")
        yield temporary
        _flush(temporary)
        temporary.replace(path)
        _flush(path.parent)


@contextmanager
def whole_folder(path: Path, *, ours: str) -> Iterator[Path]:
    """A temporary folder, which becomes `path` when the block ends well.

    Args:
        path: the folder; one that exists is replaced when it holds nothing but files that match `ours`.
        ours: a glob pattern.

    Raises:
        UsageProblem: `path` is a file, holds other files, or can not be written.
        ResourceProblem: the disk is full.
    """
    with _written_beside(path) as temporary:
        _check_replaceable(path, ours=ours)
        temporary.mkdir()
        yield temporary
        for entry in temporary.iterdir():
            _flush(entry)
        _flush(temporary)
        _swap(temporary, path)
        _flush(path.parent)


@contextmanager
def _written_beside(path: Path) -> Iterator[Path]:
    """A name nobody else has, in the folder of `path`; what is left of it at the end is removed."""
    temporary = path.parent / f".mivactl-{secrets.token_hex(6)}{path.suffix}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
    except OSError as error:
        raise _explained(error, path) from error
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            _remove(temporary)


def _check_replaceable(path: Path, *, ours: str) -> None:
    if path.exists() and not path.is_dir():
        raise UsageProblem(f"`{path}` is a file, expected a folder for the frames", hint="name another folder")
    if path.is_dir() and set(path.iterdir()) != set(path.glob(ours)):
        raise UsageProblem(f"folder `{path}` holds other files, expected `{ours}` or nothing", hint="name a new folder")


def _remove(path: Path) -> None:
    """Remove a temporary file; where its folder can not even be looked into, there is none."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return


def _explained(error: OSError, path: Path) -> MivaError:
    if error.errno in FULL:
        return ResourceProblem(
            f"no space left for `{path}`",
            hint=f"free some space or pass `--out` on another disk: `df -h {path.parent}`",
        )
    reason = error.strerror or str(error)
    return UsageProblem(f"`{path}` can not be written: {reason}", hint="pass `--out` in a folder you may write to")


def _swap(new: Path, path: Path) -> None:
    """Put the folder `new` in the place of `path`, whose old content is kept until the new one is there."""
    if not path.exists():
        new.rename(path)
        return
    old = path.parent / f".mivactl-{secrets.token_hex(6)}"
    path.rename(old)
    try:
        new.rename(path)
    except OSError:
        old.rename(path)
        raise
    shutil.rmtree(old)


def _flush(path: Path) -> None:
    """Push a file or a folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
