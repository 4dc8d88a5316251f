"""Search all registries by words; the newest active build of an adapter speaks for it."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mivactl.registry.registry import Registry
    from mivactl.session import Session
    from registry_schema.catalog import CatalogRow
    from registry_schema.names import AdapterName, RegistryName


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


@dataclass(frozen=True)
class Found:
    """What a search found: the best, and how many more there are."""

    adapters: tuple[FoundAdapter, ...]
    more: int


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a search is after.

    Attributes:
        words: lower case; every one has to occur. None of them means everything.
        base: only adapters with a build for this base.
        masked: only masked adapters, only others, or all.
    """

    words: tuple[str, ...] = ()
    base: str | None = None
    masked: bool | None = None

    def takes(self, base: str, masked: bool) -> bool:
        """Whether a build is one of those."""
        return self.base in {None, base} and self.masked in {None, masked}

    def rank(self, row: CatalogRow) -> int | None:
        """How well an adapter fits: the lower the better, None when it does not."""
        places = 0
        for word in self.words:
            holds = [word in text for text in row.texts]
            if True not in holds:
                return None
            places += holds.index(True)
        return places if any(self.takes(base, masked) for base, masked in row.builds) else None


def search(
    words: Sequence[str],
    session: Session,
    *,
    base: str | None = None,
    masked: bool | None = None,
    limit: int | None = None,
) -> Found:
    """The adapters in whose name, title, summary, tags, motion or subjects every word occurs; best first.

    Only those that are shown are read as a whole: a registry may have many thousands of others.

    Args:
        words: none of them lists everything.
        base: only adapters with a build for this base.
        masked: only masked adapters, only others, or all.
        limit: how many are shown; None shows all.

    Raises:
        SchemaError: a registry's catalog is not valid.
    """
    wanted = Wanted(words=tuple(word.lower() for word in words), base=base, masked=masked)
    matches = _Counted(_matches(wanted, session))
    best = sorted(matches, key=_place) if limit is None else heapq.nsmallest(limit, matches, key=_place)
    shown = tuple(_found(match.row, wanted, match.registry) for match in best)
    return Found(shown, matches.count - len(shown))


class _Match(NamedTuple):
    """An adapter that fits, and how well."""

    rank: int
    name: str
    row: CatalogRow
    registry: RegistryName


def _place(match: _Match) -> tuple[int, str]:
    return match.rank, match.name


def _matches(wanted: Wanted, session: Session) -> Iterator[_Match]:
    for place, registry in enumerate(session.registries):
        answering = _Answering(registry, session.registries[:place], session)
        for row in session.guarded(registry).search(wanted.words):
            rank = wanted.rank(row)
            if rank is not None and answering.speaks_for(row.name):
                yield _Match(rank, row.name, row, registry.name)


class _Counted:
    """Matches one after the other, and how many there were."""

    def __init__(self, matches: Iterator[_Match]) -> None:
        self._matches = matches
        self.count = 0

    def __iter__(self) -> Iterator[_Match]:
        for match in self._matches:
            self.count += 1
            yield match


class _Answering:
    """A registry, and for which names it is the one that answers.

    Args:
        earlier: the registries that are asked before: it can not answer for a name that one of them knows.
    """

    def __init__(self, registry: Registry, earlier: Sequence[Registry], session: Session) -> None:
        self._name = registry.name
        self._earlier = earlier
        self._session = session
        self._by_namespace: dict[str, bool] = {}

    def speaks_for(self, name: str) -> bool:
        namespace = name.partition("/")[0]
        if namespace not in self._by_namespace:
            self._by_namespace[namespace] = self._session.bound_namespace(namespace) in {None, self._name}
        return self._by_namespace[namespace] and name not in self._known

    @cached_property
    def _known(self) -> frozenset[AdapterName]:
        return frozenset(name for registry in self._earlier for name in registry.names())


def _found(row: CatalogRow, wanted: Wanted, registry: RegistryName) -> FoundAdapter:
    line = row.line()
    builds = [build for build in line.builds if wanted.takes(build.base, build.masked)]
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
