"""Search all registries by words; the newest active build of an adapter speaks for it."""

from __future__ import annotations

import heapq
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from registry_schema.errors import AuthProblem, NetworkProblem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mivactl.registry.registry import Registry
    from mivactl.session import Session
    from registry_schema.catalog import CatalogRow
    from registry_schema.errors import MivaError
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
class Unreachable:
    """A registry that could not be asked, and why."""

    registry: str
    error: MivaError


@dataclass(frozen=True)
class Found:
    """What a search found: the best, how many more there are, and where it could not look."""

    adapters: tuple[FoundAdapter, ...]
    more: int
    unreachable: tuple[Unreachable, ...] = ()


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
    matches = _Matches(wanted, session)
    best = sorted(matches, key=_place) if limit is None else heapq.nsmallest(limit, matches, key=_place)
    shown = tuple(_found(match.row, wanted, match.registry) for match in best)
    return Found(shown, matches.count - len(shown), tuple(matches.unreachable))


class _Match(NamedTuple):
    """An adapter that fits, and how well."""

    rank: int
    name: str
    row: CatalogRow
    registry: RegistryName


def _place(match: _Match) -> tuple[int, str]:
    return match.rank, match.name


class _Matches:
    """Matches one after the other; how many there were, and which registries could not be asked."""

    def __init__(self, wanted: Wanted, session: Session) -> None:
        self._wanted = wanted
        self._session = session
        self.count = 0
        self.unreachable: list[Unreachable] = []

    def __iter__(self) -> Iterator[_Match]:
        for place, registry in enumerate(self._session.registries):
            answering = _Answering(registry, self._session.registries[:place], self._session)
            try:
                for row in self._session.guarded(registry).search(self._wanted.words):
                    rank = self._wanted.rank(row)
                    if rank is not None and answering.speaks_for(row.name):
                        self.count += 1
                        yield _Match(rank, row.name, row, registry.name)
            except (NetworkProblem, AuthProblem) as error:
                self.unreachable.append(Unreachable(registry.name, error))


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
        known: set[AdapterName] = set()
        for registry in self._earlier:
            # what it has is not known then, and it is said
            with suppress(NetworkProblem, AuthProblem):
                known.update(registry.names())
        return frozenset(known)


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
