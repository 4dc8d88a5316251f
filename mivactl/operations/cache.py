"""What mivactl keeps on this machine, how much of it could go, and letting that go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mivactl.operations.collect_garbage import LATENTS_FOLDER, Collection, collect_garbage
from mivactl.store.garbage import Garbage, GarbagePolicy, size_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mivactl.session import Session
    from mivactl.store.garbage import GarbageKind


@dataclass(frozen=True)
class CachePlace:
    """A folder of mivactl's: its size, and how much of that `cache clear` removes."""

    name: str
    path: Path
    size_bytes: int
    clearable_bytes: int


def cache_places(session: Session) -> tuple[CachePlace, ...]:
    """All folders with their sizes; nothing is changed.

    Raises:
        IntegrityProblem: damage, so that nobody can tell what is needed.
    """
    home, store = session.settings.home, session.store.layout
    garbage = collect_garbage(session, policy=_everything(), dry_run=True).garbage
    places = {
        "adapters": store.root,
        "bases": home / "bases",
        "unfinished bases": home / "incoming",
        "weights": home / "weights",
        "unfinished weights": home / "incoming-weights",
        "latents": home / LATENTS_FOLDER,
        "registries": home / "cache",
    }
    extra = tuple(_computed_again(session))
    return tuple(_place(name, path, (*garbage, *extra)) for name, path in places.items())


def clear_cache(session: Session) -> Collection:
    """Remove all that nothing needs, however new, and all that can be fetched or computed again.

    What running processes work with stays.

    Raises:
        IntegrityProblem: damage, so that nobody can tell what is needed; nothing is removed then.
        Busy: another process holds the store.
    """
    collected = collect_garbage(session, policy=_everything())
    extra = tuple(_computed_again(session))
    for piece in extra:
        piece.remove()
    return Collection((*collected.garbage, *extra), dry_run=False)


def _everything() -> GarbagePolicy:
    return GarbagePolicy(grace_seconds=0)


def _computed_again(session: Session) -> Iterator[Garbage]:
    """What registries said, and which weights were found finite."""
    folders: tuple[tuple[GarbageKind, Path], ...] = (
        ("registries", session.settings.home / "cache"),
        ("verdicts", session.store.layout.verdicts),
    )
    for kind, folder in folders:
        if folder.is_dir() and not folder.is_symlink():
            yield from (Garbage.at(path, kind) for path in sorted(folder.iterdir()))


def _place(name: str, path: Path, garbage: tuple[Garbage, ...]) -> CachePlace:
    clearable = sum(piece.size_bytes for piece in garbage if path in piece.path.parents)
    return CachePlace(name, path, size_of(path), clearable)
