"""Files under way, in a folder that all processes share: who owns one, and how it passes to the next.

| name | what |
|---|---|
| `<64 hex>` | a complete file, checked, read-only |
| `<64 hex>.part` | the beginning of one that nobody owns |
| `<64 hex>.<owner>.part` | the beginning of one that a process owns; see `mivactl.ownership` |

Owning is renaming: of several processes that rename one file, the system lets exactly one succeed. A process writes
only to files that nobody else has open: ones it made, and ones their owner gave back. What a process left that seems
dead is copied, since it may not be dead at all. Locks only save double work; nothing gets wrong where they fail.
"""

from __future__ import annotations

import os
import shutil
import stat
import time
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Final

from mivactl.disk import disk_errors, sync_folder
from mivactl.file_lock import forget_lock, locked
from mivactl.ownership import is_abandoned, owned_name
from registry_schema.errors import Busy, Incomplete, MivaError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from io import FileIO
    from pathlib import Path

    from registry_schema.digests import Digest

_CHUNK_BYTES: Final = 1 << 20
_STALE_SECONDS: Final = 24 * 3600
_READ_ONLY: Final = 0o444


class Part:
    """The beginning of a file, owned by this process."""

    def __init__(self, path: Path, unowned: Path, file: FileIO) -> None:
        self._path = path
        self._unowned = unowned
        self._file = file
        self.length_bytes = file.seek(0, os.SEEK_END)

    def chunks(self) -> Iterator[bytes]:
        """What is there, from its beginning."""
        self._file.seek(0)
        while chunk := self._file.read(_CHUNK_BYTES):
            yield chunk

    def append(self, chunk: bytes) -> None:
        """Add bytes at the end; raises what `disk_errors` does."""
        rest = memoryview(chunk)
        with disk_errors(self._path):
            while rest:
                written = self._file.write(rest)
                rest = rest[written:]
                self.length_bytes += written

    def restart(self) -> None:
        """Forget all of it."""
        with disk_errors(self._path):
            self._file.truncate(0)
            self._file.seek(0)
        self.length_bytes = 0

    def place(self, target: Path) -> None:
        """Make it the complete file `target`; one that is there already has the same content.

        Raises:
            Incomplete: another process took it over.
        """
        with disk_errors(target), self._file:
            os.fsync(self._file.fileno())
            os.fchmod(self._file.fileno(), _READ_ONLY)
        try:
            with disk_errors(target):
                self._path.replace(target)
                sync_folder(target.parent)
        except MivaError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                message = f"another process took over the download of `{target}`"
                raise Incomplete(message, hint="run the same command again") from error
            raise

    def give_back(self) -> None:
        """Leave it to whoever comes next, unless a longer one is there."""
        self._file.close()
        with suppress(OSError):
            if self.length_bytes > _size_of(self._unowned):
                self._path.replace(self._unowned)
            else:
                self._path.unlink()


class PartFolder:
    """The folder; it is made when it is first needed.

    Args:
        wait_seconds: how long another process may bring the same file without a sign of life.
        clock: the time in seconds, as files have it.
    """

    def __init__(self, folder: Path, *, wait_seconds: float = 60.0, clock: Callable[[], float] = time.time) -> None:
        self.folder = folder
        self._wait_seconds = wait_seconds
        self._clock = clock

    def complete(self, digest: Digest) -> Path:
        """Where the complete file is going to be."""
        return self.folder / digest.hex

    @contextmanager
    def turn(self, digest: Digest) -> Iterator[None]:
        """Wait for another process that brings the same file, as long as it does; without working locks do not wait."""
        lock = self.folder / f"{digest.hex}.lock"
        with ExitStack() as stack:
            while True:
                try:
                    stack.enter_context(locked(lock, resource=f"`{lock}`", timeout_seconds=self._wait_seconds))
                    break
                except Busy:
                    if not self._moves(digest):
                        break
                except (MivaError, NotImplementedError):
                    break
            try:
                yield
            finally:
                if self.complete(digest).exists():
                    forget_lock(lock)

    @contextmanager
    def claimed(self, digest: Digest) -> Iterator[Part]:
        """The longest beginning there is, or an empty one; if anything is raised inside, it is given back."""
        with disk_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            part = self._claim(digest)
        try:
            yield part
        except BaseException:
            part.give_back()
            raise

    def left(self) -> Iterator[Path]:
        """What was left: by dead processes, and what nobody went on with for a day."""
        if self.folder.is_dir():
            for path in sorted(self.folder.iterdir()):
                if (path.suffix == ".part" and self._is_stale(path)) or self._is_old(path):
                    yield path

    def sweep(self) -> None:
        """Remove what was left."""
        for path in self.left():
            with suppress(OSError):
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()

    def _claim(self, digest: Digest) -> Part:
        unowned = self.folder / f"{digest.hex}.part"
        mine = self._mine(digest)
        with suppress(OSError):
            unowned.rename(mine)
            # a link or a pipe that somebody put there is not followed and not waited for
            descriptor = os.open(mine, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                return Part(mine, unowned, open(descriptor, "r+b", buffering=0))  # noqa: PTH123
            os.close(descriptor)
        with suppress(OSError):
            mine.unlink()
        left = [path for path in self.folder.glob(f"{digest.hex}.*.part") if self._is_stale(path)]
        fresh = self._mine(digest)
        file = _new_file(fresh)
        self._adopt(digest, left, file)
        return Part(fresh, unowned, file)

    def _adopt(self, digest: Digest, left: Iterable[Path], file: FileIO) -> None:
        """Copy the longest beginning that a process left which seems dead, and remove all of them."""
        for path in sorted(left, key=_size_of, reverse=True):
            taken = self._mine(digest)
            with suppress(OSError):
                path.rename(taken)
                if file.tell() == 0 and stat.S_ISREG(taken.lstat().st_mode):
                    with taken.open("rb") as old:
                        shutil.copyfileobj(old, file, _CHUNK_BYTES)
                taken.unlink()

    def _mine(self, digest: Digest) -> Path:
        return self.folder / f"{digest.hex}.{owned_name()}.part"

    def _is_stale(self, path: Path) -> bool:
        owner = path.name[len("0" * 64) + 1 :].removesuffix("part").removesuffix(".")
        return bool(owner) and (is_abandoned(owner) or self._is_old(path))

    def _is_old(self, path: Path) -> bool:
        with suppress(OSError):
            return self._clock() - path.lstat().st_mtime > _STALE_SECONDS
        return False

    def _moves(self, digest: Digest) -> bool:
        """Whether somebody has written to a part of that file lately."""
        for path in self.folder.glob(f"{digest.hex}.*.part"):
            with suppress(OSError):
                if self._clock() - path.lstat().st_mtime < self._wait_seconds:
                    return True
        return False


def _new_file(path: Path) -> FileIO:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    return open(descriptor, "r+b", buffering=0)  # noqa: PTH123


def _size_of(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0
