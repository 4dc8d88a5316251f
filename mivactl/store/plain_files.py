"""Files of a store as they have to be: in folders for their owner alone, never behind a symbolic link."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from registry_schema.errors import IntegrityProblem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

PRIVATE: Final = 0o700
_NO_FOLLOW: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def make_private(folder: Path, root: Path) -> None:
    """Make `folder` and what is missing between it and the store's `root`, with no access for anybody else.

    Raises:
        IntegrityProblem: one of them is a symbolic link.
    """
    root.parent.mkdir(parents=True, exist_ok=True)
    for made in (root, *reversed([inner for inner in (folder, *folder.parents) if root in inner.parents])):
        made.mkdir(mode=PRIVATE, exist_ok=True)
        if made != root and made.is_symlink():
            raise _not_plain(made, "a symbolic link")


@contextmanager
def open_plain(path: Path, root: Path) -> Iterator[BinaryIO]:
    """A file below the store's `root`, for reading.

    Raises:
        FileNotFoundError: there is none.
        IntegrityProblem: a symbolic link leads to it, or it is no file at all.
    """
    for folder in path.parents:
        if folder == root:
            break
        if folder.is_symlink():
            raise _not_plain(folder, "a symbolic link")
    try:
        descriptor = os.open(path, os.O_RDONLY | _NO_FOLLOW)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.EMLINK}:
            raise _not_plain(path, "a symbolic link") from error
        if error.errno == errno.ENXIO:
            raise _not_plain(path, "no regular file") from error
        raise
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode) or (not _NO_FOLLOW and path.is_symlink()):
            raise _not_plain(path, "no regular file")
        yield file


def _not_plain(path: Path, what: str) -> IntegrityProblem:
    return IntegrityProblem(
        f"`{path}` in the store is {what}, expected a file of its own", hint="run `mivactl doctor --repair`"
    )
