"""Every build a reference could mean: what is installed, and what the first registry that knows the name has."""

from __future__ import annotations

from contextlib import suppress
from difflib import get_close_matches
from typing import TYPE_CHECKING

from mivactl.resolve.plan import Candidate, Request
from registry_schema.errors import AuthProblem, NetworkProblem, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mivactl.session import Session
    from mivactl.store.pointer import InstalledBuild
    from registry_schema.names import AdapterName
    from registry_schema.ref import AdapterRef


def request_for(ref: AdapterRef, session: Session, *, installed_only: bool = False) -> Request:
    """The request that `ref` makes.

    Args:
        installed_only: look at the store alone.

    Raises:
        NotFound: nobody knows the name; the hint names the nearest.
    """
    wanted = [
        build
        for build in session.store.installed()
        if build.line.name == ref.name and ref.registry in {None, build.pointer.registry}
    ]
    offered = () if installed_only else _offered(ref, session)
    candidates = _merged(offered, wanted)
    if not candidates and not installed_only:
        raise unknown_adapter(ref.name, session)
    return Request(ref, candidates)


def unknown_adapter(name: AdapterName, session: Session) -> NotFound:
    """The error for a name nobody knows, with the nearest names as hint."""
    known = {str(build.line.name) for build in session.store.installed()}
    for registry in session.registries:
        # all of them have said that they do not know it; what they call their others only helps with the spelling
        with suppress(NetworkProblem, AuthProblem):
            known.update(registry.names())
    if str(name) in known:
        return NotFound(
            f"every build of `{name}` is in a format newer than this mivactl knows",
            hint="run `pip install --upgrade mivactl`",
        )
    places = ", ".join(f"`{registry.name}`" for registry in session.registries)
    return NotFound(f"no adapter `{name}` in the registries {places}", hint=did_you_mean(name, sorted(known)))


def did_you_mean(name: AdapterName, known: Sequence[str]) -> str:
    """The way out of a wrong name: the same word elsewhere, a similar word, or a search."""
    same_word = [other for other in known if other.partition("/")[2] == name.name]
    similar = get_close_matches(name, known, n=3, cutoff=0.75)
    words = get_close_matches(name.name, [other.partition("/")[2] for other in known], n=3, cutoff=0.6)
    by_word = [other for other in known if other.partition("/")[2] in words]
    found = list(dict.fromkeys([*same_word, *similar, *by_word]))[:3]
    if not found:
        return "`mivactl search` lists the adapters of all registries"
    return f"did you mean {' or '.join(f'`{_short(other)}`' for other in found)}?"


def _short(name: str) -> str:
    return name.removeprefix("miva/")


def _offered(ref: AdapterRef, session: Session) -> tuple[Candidate, ...]:
    registries = session.registries if ref.registry is None else (session.registry(ref.registry),)
    for registry in registries:
        lines = registry.lines(ref.name)
        if lines:
            return tuple(Candidate(line, registry.name) for line in lines)
    return ()


def _merged(offered: Iterable[Candidate], installed: Iterable[InstalledBuild]) -> tuple[Candidate, ...]:
    """Newest first; a build that is both offered and installed appears once."""
    candidates = {candidate.line.manifest.digest: candidate for candidate in offered}
    for build in installed:
        digest = build.line.manifest.digest
        # The registry's line is the newer one: its status may have changed.
        line = candidates[digest].line if digest in candidates else build.line
        candidates[digest] = Candidate(line, build.pointer.registry, installed=True)
    ordered = sorted(candidates.values(), key=lambda candidate: (candidate.line.base.name, candidate.line.masked))
    return tuple(sorted(ordered, key=lambda candidate: candidate.line.version, reverse=True))
