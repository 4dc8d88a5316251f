"""Every build a reference could mean: what is installed, and what the first registry that knows the name has."""

from __future__ import annotations

from contextlib import suppress
from difflib import get_close_matches
from typing import TYPE_CHECKING, Literal

from mivactl.resolve.plan import Candidate, Request
from registry_schema.errors import AuthProblem, NetworkProblem, NotFound, Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mivactl.session import Session
    from mivactl.store.pointer import InstalledBuild
    from registry_schema.names import AdapterName, RegistryName
    from registry_schema.ref import AdapterRef


Among = Literal["everything", "installed", "offered"]


def request_for(ref: AdapterRef, session: Session, *, masked: bool = False, among: Among = "everything") -> Request:
    """The request that `ref` makes.

    Args:
        masked: whether a masked build is wanted.
        among: what to look at: the store alone (`installed`), registries alone (`offered`), or both.

    Raises:
        NotFound: nobody knows the name; the hint names the nearest.
        Refused: the reference names a registry that may not answer for the namespace.
    """
    bound = _bound_registry(ref, session)
    wanted = [
        build
        for build in (session.store.installed() if among != "offered" else ())
        if build.line.name == ref.name and _may_be_meant(build, ref, bound)
    ]
    offered = _offered(ref, session, bound) if among != "installed" else ()
    candidates = _merged(offered, wanted)
    if not candidates and among != "installed":
        raise unknown_adapter(ref.name, session)
    return Request(ref, candidates, masked)


def unknown_adapter(name: AdapterName, session: Session) -> NotFound:
    """The error for a name nobody knows, with the nearest names as hint."""
    bound = session.bound_registry(name)
    registries = session.registries if bound is None else (session.registry(bound),)
    known = {str(build.line.name) for build in session.store.installed()} if bound is None else set()
    for registry in registries:
        # all of them have said that they do not know it; what they call their others only helps with the spelling
        with suppress(NetworkProblem, AuthProblem):
            known.update(registry.names())
    if str(name) in known:
        return NotFound(
            f"every build of `{name}` is in a format newer than this mivactl knows",
            hint="run `pip install --upgrade mivactl`",
        )
    hint = did_you_mean(name, sorted(known))
    if bound is not None:
        where = f"registry `{bound}`, which the namespace `{name.namespace}` is bound to"
        return NotFound(f"no adapter `{name}` in {where}", hint=hint)
    places = ", ".join(f"`{registry.name}`" for registry in registries)
    return NotFound(f"no adapter `{name}` in the registries {places}", hint=hint)


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


def _bound_registry(ref: AdapterRef, session: Session) -> RegistryName | None:
    """The one registry that may answer for the namespace of `ref`; None where any may."""
    bound = session.bound_registry(ref.name)
    if bound is not None and ref.registry not in {None, bound}:
        raise Refused(
            f"`{ref}` names registry `{ref.registry}`, the namespace `{ref.name.namespace}` is bound to `{bound}`",
            hint=f"write `{bound}::{ref.name}`",
        )
    return bound


def _may_be_meant(build: InstalledBuild, ref: AdapterRef, bound: RegistryName | None) -> bool:
    """A digest means the same bytes wherever they came from; else only the registry that was asked for counts."""
    if ref.digest is not None:
        return build.line.manifest.digest == ref.digest or ref.registry is None
    return build.pointer.registry == (ref.registry or bound or build.pointer.registry)


def _offered(ref: AdapterRef, session: Session, bound: RegistryName | None) -> tuple[Candidate, ...]:
    """What the first registry that knows the name has. One that can not be read ends the search with its error.

    A reference by digest goes on to the next registry when the first has no such build: bytes can not be exchanged.
    """
    name = bound or ref.registry
    registries = session.registries if name is None else (session.registry(name),)
    first: tuple[Candidate, ...] = ()
    for registry in registries:
        lines = session.guarded(registry).lines(ref.name)
        found = tuple(Candidate(line, registry.name) for line in lines)
        if found and (ref.digest is None or any(one.line.manifest.digest == ref.digest for one in found)):
            return found
        first = first or found
    return first


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
