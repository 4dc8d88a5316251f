"""One writer at a time, between processes, with an error that says who holds what.

Two things have to agree. The system's lock is freed by the kernel whenever a process ends, but there are file systems
where it fails, and some where it succeeds for everybody. The token is a file that its owner renames: of several
processes that rename one file exactly one succeeds, everywhere. What the lock protects rests on the token alone.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
import stat
import time
import warnings
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from mivactl.disk import disk_errors
from mivactl.ownership import Owner
from registry_schema.errors import Busy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from filelock import BaseFileLock

_FREE: Final = "free"
_PAUSE_SECONDS: Final = 0.02
_NO_LOCKS_HERE: Final = frozenset({errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL})


@contextmanager
def locked(path: Path, *, resource: str, timeout_seconds: float) -> Iterator[None]:
    """Hold the lock file `path` while inside.

    Args:
        path: the lock file; it stays behind, empty, and beside it the folder `<path>.token`.
        resource: what is protected, in words, for the message.
        timeout_seconds: how long to wait for another process.

    Raises:
        Busy: another process kept it all that time.
    """
    with disk_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    from filelock import FileLock

    lock, token = FileLock(path, timeout=timeout_seconds, mode=0o666), LockToken.of(path)
    taken = False
    try:
        with disk_errors(path):
            deadline = time.monotonic() + timeout_seconds
            taken = _acquire(lock) and _wait_for(token, deadline)
        if not taken:
            raise _busy(token, resource, timeout_seconds)
        yield
    finally:
        if taken:
            token.give_back()
        lock.release()


def forget_lock(path: Path) -> None:
    """Remove a lock that nobody needs any more, and its token."""
    with suppress(OSError):
        path.unlink()
    shutil.rmtree(LockToken.of(path).folder, ignore_errors=True)


class LockToken:
    """The token of a lock: the one file of a folder, called `free` or like the process that has it.

    Args:
        folder: made when it is first needed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._own = Owner.new()

    @classmethod
    def of(cls, lock: Path) -> LockToken:
        """The token of a lock file."""
        return cls(lock.with_name(f"{lock.name}.token"))

    def take(self) -> bool:
        """Try once to get it; it is taken from a process that is gone.

        Raises:
            OSError: the folder can not be written.
        """
        for name in self._names():
            holder = Owner.parse(name)
            if name == _FREE or (holder is not None and holder.is_gone(self._held_seconds(name))):
                return self._rename(name, self._own.name) and self._sign()
        return False

    def give_back(self) -> None:
        """Let the next one have it."""
        with suppress(OSError):
            self._rename(self._own.name, _FREE)

    def holder(self) -> tuple[Owner, float] | None:
        """Who has it, and for how many seconds; None if nobody has."""
        with suppress(OSError):
            for name in self._listed():
                owner = Owner.parse(name)
                if owner is not None:
                    return owner, self._held_seconds(name)
        return None

    def free(self, owner: Owner) -> bool:
        """Take it from `owner`, who may live; for a person who knows that the other machine is off."""
        return self._rename(owner.name, _FREE)

    def _names(self) -> list[str]:
        with suppress(FileNotFoundError):
            names = self._listed()
            if names:
                return names
        self._make()
        return self._listed()

    def _listed(self) -> list[str]:
        return [path.name for path in self.folder.iterdir()]

    def _make(self) -> None:
        """Let the folder appear with its file in one step; it replaces none that has a file."""
        draft = self.folder.with_name(f"{self.folder.name}.{self._own.mark}")
        draft.mkdir()
        (draft / _FREE).touch()
        # whoever may write beside the lock may take it
        draft.chmod(stat.S_IMODE(draft.parent.stat().st_mode))
        try:
            draft.rename(self.folder)
        except OSError as error:
            shutil.rmtree(draft, ignore_errors=True)
            if error.errno not in {errno.ENOTEMPTY, errno.EEXIST, errno.EACCES}:
                raise

    def _rename(self, before: str, after: str) -> bool:
        try:
            (self.folder / before).rename(self.folder / after)
        except FileNotFoundError:
            return False
        return True

    def _sign(self) -> bool:
        """Note when it was taken; not every file system does that for a renaming."""
        with suppress(OSError):
            os.utime(self.folder / self._own.name)
        return True

    def _held_seconds(self, name: str) -> float:
        try:
            status = (self.folder / name).stat()
        except OSError:
            return 0.0
        return max(0.0, time.time() - max(status.st_mtime, status.st_ctime))


def _acquire(lock: BaseFileLock) -> bool:
    """Wait for the system's lock; False if another process kept it, True where there are no such locks."""
    from filelock import Timeout

    with suppress(NotImplementedError), warnings.catch_warnings():
        # without system locks filelock says so and takes up one of its own
        warnings.simplefilter("ignore", UserWarning)
        try:
            lock.acquire()
        except Timeout:
            return False
        except OSError as error:
            if error.errno not in _NO_LOCKS_HERE:
                raise
    return True


def _wait_for(token: LockToken, deadline: float) -> bool:
    while not token.take():
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE_SECONDS * (0.5 + random.random()))  # noqa: S311 - only who asks when
    return True


def _busy(token: LockToken, resource: str, waited_seconds: float) -> Busy:
    held = token.holder()
    hint = "run it again when that has finished, or wait longer with `MIVACTL_LOCK_TIMEOUT=300`"
    if held is None:
        return Busy(f"{resource} is in use by another process, waited {waited_seconds:g} s", hint=hint)
    owner, seconds = held
    if not owner.is_here:
        hint += f"; if {owner.host} is off, run `mivactl doctor --repair`"
    return Busy(f"{resource} is in use by {owner.words} for {seconds:.0f} s, waited {waited_seconds:g} s", hint=hint)


def system_locks_exclude(folder: Path) -> bool:
    """Whether the system's locks keep a second one out in `folder`, as they should."""
    from filelock import FileLock

    probe = folder / f".probe.lock.{Owner.new().mark}"
    first, second = FileLock(probe, timeout=0), FileLock(probe, timeout=0)
    try:
        return _acquire(first) and not _acquire(second)
    except OSError:
        return False
    finally:
        second.release()
        first.release()
        probe.unlink(missing_ok=True)
