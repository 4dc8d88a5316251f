"""Search all registries by words; the newest active build of an adapter speaks for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mivactl.session import Session
    from registry_schema.catalog import CatalogBuild, CatalogLine
    from registry_schema.names import RegistryName


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
    for place, registry in enumerate(session.registries):
        # A later registry can not answer for a name that an earlier one knows.
        known = {name for earlier in session.registries[:place] for name in earlier.names()}
        for line in session.guarded(registry).search(lowered):
            rank = _rank(line, lowered)
            builds = [build for build in line.builds if base in {None, build.base} and masked in {None, build.masked}]
            may_answer = line.name not in known and session.bound_registry(line.name) in {None, registry.name}
            if rank is not None and builds and may_answer:
                found.append(((rank, line.name), _found(line, builds, registry.name)))
    return tuple(adapter for _, adapter in sorted(found, key=lambda entry: entry[0]))


def _rank(line: CatalogLine, words: Sequence[str]) -> int | None:
    """How well the words match: the lower the better, None when one is nowhere."""
    fields = (
        line.name,
        " ".join((*line.tags, line.motion)),
        " ".join((line.title, line.summary, *line.subjects, *line.authors)),
    )
    lowered = [field.lower() for field in fields]
    places = [next((place for place, field in enumerate(lowered) if word in field), None) for word in words]
    return None if None in places else sum(place for place in places if place is not None)


def _found(line: CatalogLine, builds: Sequence[CatalogBuild], registry: RegistryName) -> FoundAdapter:
    newest = max(builds, key=lambda build: build.version)
    return FoundAdapter(
        name=line.name,
        version=str(newest.version),
        title=line.title,
        summary=line.summary,
        motion=line.motion,
        bases=tuple(sorted({build.base for build in builds if build.version == newest.version})),
        masked=newest.masked,
        size_bytes=newest.size,
        licence=line.licence,
        registry=registry,
    )
