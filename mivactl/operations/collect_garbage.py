"""Remove what nothing needs: files of the store, and what broken-off runs left in mivactl's folder."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mivactl.operations.sealed_base import shelf_of
from mivactl.operations.weights import weights_shelf
from mivactl.store.garbage import Garbage, GarbagePolicy
from mivactl.transfer.parts import PartFolder
from registry_schema.errors import Busy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mivactl.session import Session

LATENTS_FOLDER: Final = "latents"
"""Below the home folder: what was sampled and is not written yet."""
_OURS: Final = re.compile(r"[0-9a-f]{16}\.safetensors|\.mivactl-[0-9a-f]{12}\.safetensors")


@dataclass(frozen=True)
class Collection:
    """What was removed, or would be."""

    garbage: tuple[Garbage, ...]
    dry_run: bool

    @property
    def freed_bytes(self) -> int:
        """Bytes of all of it."""
        return sum(piece.size_bytes for piece in self.garbage)


def collect_garbage(session: Session, *, policy: GarbagePolicy | None = None, dry_run: bool = False) -> Collection:
    """Remove what nothing needs and nobody touched for a day.

    Needed are the files of installed builds, of builds that locks of projects name, and of running processes.

    Args:
        session: of this home.
        policy: other than a day of grace and the quota of the settings.
        dry_run: only say what would go.

    Raises:
        IntegrityProblem: damage, so that nobody can tell what is needed; nothing is removed then.
        Busy: another process holds the store.
    """
    policy = policy or GarbagePolicy(max_bytes=session.settings.store_max_bytes)
    garbage = session.store.collect(policy, dry_run=dry_run)
    files = (*_downloads(session, policy), *_latents(session.settings.home, policy))
    if not dry_run:
        for piece in files:
            piece.remove()
    bases = tuple(_unfinished_bases(session, policy, dry_run=dry_run))
    return Collection((*garbage, *files, *bases), dry_run)


def _downloads(session: Session, policy: GarbagePolicy) -> tuple[Garbage, ...]:
    parts = PartFolder(session.store.layout.parts, clock=lambda: policy.now)
    return tuple(Garbage.at(path, "download") for path in parts.left())


def _latents(home: Path, policy: GarbagePolicy) -> Iterator[Garbage]:
    folder = home / LATENTS_FOLDER
    if not folder.is_dir() or folder.is_symlink():
        return
    for path in sorted(folder.iterdir()):
        if _OURS.fullmatch(path.name) and path.is_file() and not path.is_symlink() and _is_old(path, policy):
            yield Garbage.at(path, "latents")


def _is_old(path: Path, policy: GarbagePolicy) -> bool:
    return policy.now - path.stat().st_mtime >= policy.grace_seconds


def _unfinished_bases(session: Session, policy: GarbagePolicy, *, dry_run: bool) -> Iterator[Garbage]:
    """Bases and other weights that nobody goes on fetching; what somebody works on stays."""
    bases, weights = shelf_of(session, lock_timeout=0), weights_shelf(session, lock_timeout=0)
    before = policy.now - policy.grace_seconds
    left = [(bases, Garbage.at(path, "unfinished base")) for path in bases.abandoned(before)]
    left += [(weights, Garbage.at(path, "unfinished weights")) for path in weights.abandoned(before)]
    for shelf, piece in left:
        if dry_run:
            yield piece
            continue
        with suppress(Busy), shelf.locked(shelf.base_of(piece.path)):
            piece.remove()
            yield piece
