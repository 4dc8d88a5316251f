"""What a project's lock makes of references: exact builds instead of the newest, and its base."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mivactl.operations.locked_builds import base_of_lock, require_in_range, require_same_build
from mivactl.operations.locked_registries import require_registry
from mivactl.operations.project import read_lock, require_lock
from registry_schema.errors import Refused
from registry_schema.versions import VersionRange

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mivactl.resolve.plan import Candidate
    from mivactl.session import Session
    from registry_schema.lock import Lock, LockedAdapter
    from registry_schema.ref import AdapterRef


@dataclass(frozen=True)
class Pins:
    """References and a base as a lock leaves them.

    Attributes:
        reason: why that base; empty where the lock did not decide.
        notes: where a person's word and the lock differ.
        entries: for each reference, the entry that decided its build.
    """

    refs: tuple[AdapterRef, ...]
    base: str | None
    reason: str = ""
    notes: tuple[str, ...] = ()
    entries: tuple[LockedAdapter | None, ...] = ()

    def check(self, chosen: Sequence[Candidate]) -> None:
        """Make sure that the builds which answer are those of the lock in all it says of them.

        Raises:
            IntegrityProblem: lock and index differ.
        """
        for entry, candidate in zip(self.entries, chosen, strict=False):
            if entry is not None:
                require_same_build(entry, candidate.line, candidate.registry)


def pin_to_lock(refs: Sequence[AdapterRef], session: Session, *, project: Path, base: str | None, locked: bool) -> Pins:
    """Pin `refs` to the lock of the project in a folder, where there is one.

    Without `base` the lock's own runs. On another base the locked versions are taken, in their builds for it. A
    reference whose version, digest or registry the lock does not have stays as it is written.

    Args:
        locked: refuse what the lock does not have.

    Raises:
        Refused: `locked`, and a reference or the base is not the lock's.
        NotFound, Incompatible: the lock's base is not on this machine, or is another one.
    """
    lock = require_lock(project) if locked else read_lock(project)
    if lock is None:
        return Pins(tuple(refs), base)
    if base is None:
        base_of_lock(lock, session)
    same_base = base is None or session.base(base).spec.base_identity == lock.base
    if locked and not same_base:
        raise Refused(f"base `{base}` is not the one of miva.lock, `{lock.base.name}`", hint="leave out `--base`")
    entries = tuple(_entry(ref, lock, session) for ref in refs)
    open_refs = [ref for ref, entry in zip(refs, entries, strict=True) if entry is None]
    if locked and open_refs:
        ref = replace(open_refs[0], weight=None)
        raise Refused(f"miva.lock has no `{ref}`", hint=f"run `mivactl lock '{ref}'` first")
    pinned = (_pinned(ref, entry, lock, session, same_base=same_base) for ref, entry in zip(refs, entries, strict=True))
    return Pins(
        tuple(pinned),
        base if base is not None else str(lock.base.name),
        reason="" if base is not None else "miva.lock names it",
        notes=tuple(f"{replace(ref, weight=None)} is not in miva.lock" for ref in open_refs),
        entries=entries if same_base else (),
    )


def _entry(ref: AdapterRef, lock: Lock, session: Session) -> LockedAdapter | None:
    """The entry that answers a reference; None where it asks for something else."""
    entry = lock.adapter(ref.name)
    if entry is None:
        return None
    if ref.registry is not None and session.registry(ref.registry).config().id != lock.registry_of(entry).id:
        return None
    require_in_range(entry)
    wanted = ref.digest == entry.manifest if ref.digest is not None else ref.admits(entry.version, pre=ref.spec is None)
    return entry if wanted else None


def _pinned(
    ref: AdapterRef, entry: LockedAdapter | None, lock: Lock, session: Session, *, same_base: bool
) -> AdapterRef:
    if entry is None:
        return ref
    if same_base:
        return replace(ref, registry=None, spec=entry.manifest)
    registry = require_registry(lock.registry_of(entry), session).name
    return replace(ref, registry=registry, spec=VersionRange(f"=={entry.version}"))
