"""What a lock names, held against what is there: its base, and the index line of each of its builds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_schema.errors import Incompatible, IntegrityProblem, NotFound, Refused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mivactl.registry.registry import Registry
    from mivactl.session import Session
    from registry_schema.base_spec import BaseSpec
    from registry_schema.index import IndexLine
    from registry_schema.lock import Lock, LockedAdapter


def base_of_lock(lock: Lock, session: Session) -> BaseSpec:
    """The base that a lock names, on this machine.

    Raises:
        NotFound: it is not here.
        Incompatible: what is here under its name is another one.
    """
    spec = session.base(str(lock.base.name)).spec
    if spec.base_identity == lock.base:
        return spec
    what = "architecture" if spec.architecture != lock.base.architecture else "weights"
    here, there = getattr(spec, what), getattr(lock.base, what)
    raise Incompatible(
        f"base `{spec.name}` on this machine has {what} `{here.hex[:12]}`, miva.lock names `{there.hex[:12]}`",
        hint="`mivactl lock` locks the base that is here, if every adapter has a build for it",
    )


def find_line(entry: LockedAdapter, registry: Registry) -> IndexLine:
    """The line of a locked build in its registry.

    Raises:
        NotFound: the registry no longer has the build.
        IntegrityProblem: lock and index do not say the same of it.
    """
    lines = registry.lines(entry.name)
    line = next((line for line in lines if line.manifest.digest == entry.manifest), None)
    line = line or same_key(entry, lines)
    if line is None:
        raise NotFound(
            f"registry `{registry.name}` no longer has `{entry.name}` {entry.version} for `{entry.base}`, "
            "which miva.lock names",
            hint=f"run `mivactl update {entry.name}`, or `mivactl sync --frozen` where it is installed",
        )
    require_same_build(entry, line, registry.name)
    return line


def same_key(entry: LockedAdapter, lines: Iterable[IndexLine]) -> IndexLine | None:
    """The line of the same version, base and mask, whatever its bytes."""
    key = (entry.version, entry.base, entry.masked)
    return next((line for line in lines if (line.version, line.base.name, line.masked) == key), None)


def require_in_range(entry: LockedAdapter) -> None:
    """Make sure that nobody changed what is asked for without asking again.

    Raises:
        Refused: the locked version is not in the range.
    """
    if not entry.range.admits(entry.version):
        raise Refused(
            f"`{entry.name}` is locked at {entry.version} and asked for as `{entry.range}`",
            hint="run `mivactl lock`, which takes a version in the range",
        )


def require_same_build(entry: LockedAdapter, line: IndexLine, registry: str) -> None:
    """Hold an index line against the entry of a lock that means the same build.

    Raises:
        IntegrityProblem: one of both was changed.
    """
    facts = (
        ("name", entry.name, line.name),
        ("version", entry.version, line.version),
        ("base", entry.base, line.base.name),
        ("masked", entry.masked, line.masked),
        ("manifest", entry.manifest, line.manifest.digest),
        ("weights.digest", entry.weights.digest, line.weights.digest),
        ("weights.size", entry.weights.size, line.weights.size),
        ("weights.tensors", entry.weights.tensors, line.weights.tensors),
    )
    for what, locked, there in facts:
        if locked != there:
            raise IntegrityProblem(
                f"`{entry.name}` {entry.version}: {what} is `{locked}` in miva.lock, `{there}` in `{registry}`",
                hint="published builds never change: look into the history of miva.lock, or tell the registry's owner",
            )
