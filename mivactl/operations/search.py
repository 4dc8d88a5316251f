"""Search all registries by words; the newest active build of an adapter speaks for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mivactl.registry.guarded import GuardedRegistry
    from mivactl.session import Session
    from registry_schema.index import IndexLine
    from registry_schema.manifest import Manifest
    from registry_schema.names import AdapterName


@dataclass(frozen=True)
class FoundAdapter:
    """An adapter in a registry; `bases` are those its newest version has builds for."""

    name: str
    version: str
    title: str
    summary: str
    motion: str
    bases: tuple[str, ...]
    masked: bool
    size_bytes: int
    licence: str
    registry: str


def search(
    words: Sequence[str], session: Session, *, base: str | None = None, masked: bool | None = None
) -> tuple[FoundAdapter, ...]:
    """The adapters in whose name, title, summary, tags, motion or subjects every word occurs; best first.

    Args:
        words: none of them lists everything.
        base: only adapters with a build for this base.
        masked: only masked adapters, only others, or all.
    """
    lowered = [word.lower() for word in words]
    found: list[tuple[tuple[int, str], FoundAdapter]] = []
    seen: set[str] = set()
    for registry in session.registries:
        for name in registry.names():
            # A later registry can not answer for a name that an earlier one knows.
            if name in seen:
                continue
            seen.add(name)
            found.extend(_matches(session.guarded(registry), name, lowered, base=base, masked=masked))
    return tuple(adapter for _, adapter in sorted(found, key=lambda entry: entry[0]))


def _matches(
    registry: GuardedRegistry, name: AdapterName, words: Sequence[str], *, base: str | None, masked: bool | None
) -> Iterator[tuple[tuple[int, str], FoundAdapter]]:
    lines = [line for line in registry.lines(name) if line.status == "active"]
    lines = [line for line in lines if base in {None, line.base.name} and masked in {None, line.masked}]
    if not lines:
        return
    newest = max(lines, key=lambda line: line.version)
    # whose key it is decides who may be installed; one stranger's adapter must not stop every search
    manifest = registry.inner.manifest(newest)
    rank = _rank(manifest, words)
    if rank is not None:
        same = [line for line in lines if line.version == newest.version]
        yield (rank, name), _found(manifest, newest, same, registry)


def _rank(manifest: Manifest, words: Sequence[str]) -> int | None:
    """How well the words match: the lower the better, None when one is nowhere."""
    fields = (
        manifest.name,
        " ".join((*manifest.tags, manifest.adapter.motion)),
        " ".join((manifest.title, manifest.summary, *manifest.adapter.subjects, *manifest.authors)),
    )
    lowered = [field.lower() for field in fields]
    places = [next((place for place, field in enumerate(lowered) if word in field), None) for word in words]
    return None if None in places else sum(place for place in places if place is not None)


def _found(manifest: Manifest, newest: IndexLine, same: Sequence[IndexLine], registry: GuardedRegistry) -> FoundAdapter:
    return FoundAdapter(
        name=manifest.name,
        version=str(manifest.version),
        title=manifest.title,
        summary=manifest.summary,
        motion=manifest.adapter.motion,
        bases=tuple(sorted({line.base.name for line in same})),
        masked=newest.masked,
        size_bytes=newest.weights.size,
        licence=newest.licence,
        registry=registry.name,
    )
