"""The folder of installed bases, and that of other models: one is put together elsewhere and appears in one step."""

from __future__ import annotations

import secrets
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Literal

from mivactl.disk import disk_errors, last_written, sync_folder
from mivactl.file_lock import locked
from registry_schema.names import BaseName

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

_REMOVED: Final = ".removed-"


class BaseShelf:
    """Bases below `home/bases`; what is on its way lies in `home/incoming`. Other weights have folders of their own.

    Args:
        home: mivactl's folder.
        lock_timeout: seconds to wait for another process.
        kind: what stands on it.
    """

    def __init__(self, home: Path, *, lock_timeout: float, kind: Literal["base", "weights"] = "base") -> None:
        self.folder = home / ("bases" if kind == "base" else "weights")
        self._incoming = home / ("incoming" if kind == "base" else "incoming-weights")
        self._locks = home / "locks"
        self._lock_timeout, self._kind = lock_timeout, kind

    def place_of(self, name: BaseName) -> Path:
        """Where the base lies when it is installed."""
        return self.folder / name

    def stage_of(self, name: BaseName) -> Path:
        """Where it is put together; what an earlier attempt left there is gone on with."""
        return self._incoming / name

    def locked(self, name: BaseName) -> AbstractContextManager[None]:
        """One process at a time works on a base; raises `Busy`."""
        lock = self._locks / f"{self._kind}-{name}.lock"
        return locked(lock, resource=f"{self._kind} `{name}`", timeout_seconds=self._lock_timeout)

    def abandoned(self, before: float) -> tuple[Path, ...]:
        """What is staged and was last written before a moment, in seconds of the epoch; and removed bases."""
        if not self._incoming.is_dir():
            return ()
        staged = sorted(path for path in self._incoming.iterdir() if path.is_dir() and not path.is_symlink())
        return tuple(path for path in staged if _REMOVED in path.name or last_written(path) <= before)

    def base_of(self, staged: Path) -> BaseName:
        """Which base a staged or removed folder is of."""
        return BaseName(staged.name.partition(_REMOVED)[0])

    def install(self, name: BaseName) -> Path:
        """Let the staged base appear, in place of one of its name."""
        place = self.place_of(name)
        with disk_errors(place):
            self.folder.mkdir(parents=True, exist_ok=True)
            if place.exists():
                self.remove(name)
            self.stage_of(name).rename(place)
            sync_folder(self.folder)
        self.discard(name)
        return place

    def discard(self, name: BaseName) -> None:
        """Forget what is staged."""
        shutil.rmtree(self.stage_of(name), ignore_errors=True)
        with suppress(OSError):
            self._incoming.rmdir()

    def remove(self, name: BaseName) -> None:
        """Take a base away: it is gone in one step, its files follow.

        Raises:
            UsageProblem: the folder can not be written.
        """
        place = self.place_of(name)
        rest = self._incoming / f"{name}{_REMOVED}{secrets.token_hex(6)}"
        with disk_errors(place):
            self._incoming.mkdir(parents=True, exist_ok=True)
            place.rename(rest)
            sync_folder(self.folder)
            shutil.rmtree(rest)
        with suppress(OSError):
            self._incoming.rmdir()
