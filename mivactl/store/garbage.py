"""What lies in a store and nothing needs."""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from mivactl.ownership import ABANDONED_SECONDS
from mivactl.store.needed import digest_at, marks_of_the_gone, needed_files
from mivactl.store.transaction import abandoned_staging

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mivactl.store.layout import StoreLayout

GarbageKind = Literal[
    "unreferenced",
    "staging",
    "download",
    "draft",
    "mark",
    "latents",
    "unfinished base",
    "unfinished weights",
    "registries",
    "verdicts",
]


@dataclass(frozen=True)
class GarbagePolicy:
    """What counts as garbage.

    Attributes:
        grace_seconds: how long a file nothing needs stays.
        max_bytes: of all files named by digest; above it files that nothing needs go earlier, those least recently used
            first. Files that something needs always stay.
        now: seconds of the epoch.
    """

    grace_seconds: float = ABANDONED_SECONDS
    max_bytes: int | None = None
    now: float = field(default_factory=time.time)


@dataclass(frozen=True)
class Garbage:
    """A file or folder that may go."""

    path: Path
    kind: GarbageKind
    size_bytes: int

    @classmethod
    def at(cls, path: Path, kind: GarbageKind) -> Garbage:
        """The file or folder at `path`, with the size of all that is in it."""
        return cls(path, kind, size_of(path))

    def remove(self) -> None:
        """Remove it, and its folder if that is empty now; a symbolic link goes, not what it leads to."""
        if self.path.is_dir() and not self.path.is_symlink():
            shutil.rmtree(self.path, ignore_errors=True)
            return
        self.path.unlink(missing_ok=True)
        with suppress(OSError):
            self.path.parent.rmdir()


def find_garbage(layout: StoreLayout, policy: GarbagePolicy) -> tuple[Garbage, ...]:
    """All garbage of a store.

    Raises:
        IntegrityProblem: damage, so that nobody can tell what is needed.
    """
    folders = (
        *(Garbage.at(path, "staging") for path in abandoned_staging(layout, policy.now)),
        *(Garbage.at(path, "mark") for path in marks_of_the_gone(layout, policy.now)),
        *(Garbage.at(path, "draft") for path in _drafts(layout, policy)),
    )
    return (*folders, *_unreferenced(layout, policy))


def stored_bytes(layout: StoreLayout) -> int:
    """Bytes of all files named by digest."""
    return sum(size_of(path) for path in layout.contents())


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files below a folder; what disappears meanwhile counts nothing."""
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            return sum(size_of(inner) for inner in path.iterdir())
        return path.stat(follow_symlinks=False).st_size
    return 0


def _unreferenced(layout: StoreLayout, policy: GarbagePolicy) -> list[Garbage]:
    needed = needed_files(layout, now=policy.now)
    times = {path: _last_used(path) for path in layout.contents() if digest_at(path) not in needed}
    oldest_first = sorted(times, key=lambda path: (times[path], path))
    left_bytes = 0 if policy.max_bytes is None else stored_bytes(layout)
    garbage = []
    for path in oldest_first:
        too_much = policy.max_bytes is not None and left_bytes > policy.max_bytes
        if too_much or policy.now - times[path] >= policy.grace_seconds:
            garbage.append(Garbage.at(path, "unreferenced"))
            left_bytes -= garbage[-1].size_bytes
    return garbage


def _last_used(path: Path) -> float:
    """When a file was placed, linked or marked; reading it, as backups do, does not count."""
    with suppress(OSError):
        return path.stat(follow_symlinks=False).st_ctime
    return 0.0


def _drafts(layout: StoreLayout, policy: GarbagePolicy) -> Iterator[Path]:
    """What a process killed while it replaced a file left beside it."""
    patterns = (".*.json.*", "lock.token.*", "installed/*/*/.*.json.*")
    for path in (path for pattern in patterns for path in layout.root.glob(pattern)):
        if policy.now - _last_used(path) >= policy.grace_seconds:
            yield path
