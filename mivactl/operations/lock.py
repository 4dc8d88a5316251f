"""Write `miva.lock`: what is asked for is resolved once, and from then on everybody gets these builds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mivactl.operations.candidates import request_for
from mivactl.operations.lock_changes import LockChange, lock_changes
from mivactl.operations.locked_builds import require_same_build, same_key
from mivactl.operations.locked_registries import find_registry, locked_registry, names_in_lock, require_registry
from mivactl.operations.planning import bases_to_try, plan_requests, require_plan
from mivactl.operations.project import LOCK_NAME, keep_locked_builds, project_held, read_lock, write_lock
from registry_schema.errors import NotFound, Refused, UsageProblem
from registry_schema.lock import Lock, LockedAdapter, LockedRegistry
from registry_schema.ref import AdapterRef
from registry_schema.versions import VersionRange

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mivactl.registry.registry import Registry
    from mivactl.resolve.plan import Choice, Plan, Request
    from mivactl.session import Session
    from registry_schema.names import AdapterName
    from registry_schema.versions import Version

_ANY_WITH_PRE_RELEASES = VersionRange(">=0a0")


@dataclass(frozen=True, kw_only=True)
class LockOptions:
    """How to lock.

    Attributes:
        project: the folder of `miva.lock`.
        base: the base to run on; None keeps the lock's, or takes the preferred one that has builds for all.
        masked: take masked builds of the adapters that are named now.
        remove: adapters that leave the lock.
        locked: fail if the lock would change.
        allow_registry_change: look for locked adapters in other registries than before, too.
    """

    project: Path
    base: str | None = None
    masked: bool = False
    remove: tuple[AdapterName, ...] = ()
    locked: bool = False
    allow_registry_change: bool = False


@dataclass(frozen=True)
class Requirement:
    """One adapter that a lock is asked to have.

    Attributes:
        ref: name, registry and the versions that are wanted now.
        range: what the lock keeps of the wish, for the next time.
        before: the entry that the lock has of it.
        keeps: whether the build of that entry stays while it will do.
    """

    ref: AdapterRef
    range: VersionRange
    masked: bool
    before: LockedAdapter | None = None
    keeps: bool = True


@dataclass(frozen=True)
class Locking:
    """A lock, what changed in it, lines to read, and whether it was written."""

    path: Path
    lock: Lock
    changes: tuple[LockChange, ...]
    notes: tuple[str, ...]
    written: bool


def lock_project(refs: Sequence[AdapterRef], session: Session, options: LockOptions) -> Locking:
    """Lock what `refs` mean, besides what is in the lock already; what is locked stays while it will do.

    Raises:
        NotFound, Incompatible: no such adapter, or none that fits the base.
        Refused: a locked adapter would come from another registry; or the lock would change, and `locked` is set.
        IntegrityProblem: a registry has other bytes than before under a locked version.
        Busy, UsageProblem, ResourceProblem: another process, a reference, or the disk.
    """
    with project_held(options.project, session):
        before = read_lock(options.project)
        if before is None and not refs:
            raise NotFound(
                f"there is no `{options.project / LOCK_NAME}` and no adapter to lock",
                hint="name some, for example `mivactl lock waterfall clouds`",
            )
        return relock(_requirements(refs, before, options), before, session, options)


def relock(requirements: Sequence[Requirement], before: Lock | None, session: Session, options: LockOptions) -> Locking:
    """Resolve the requirements and write the lock they give; whoever calls holds the project."""
    base = options.base or (str(before.base.name) if before else None)
    bases = bases_to_try(session, base)
    stays = before is not None and [spec.name for spec in bases] == [before.base.name]
    requests = [_request(one, before, session, options, same_base=stays) for one in requirements]
    plan = require_plan(plan_requests(requests, session, bases), [request.ref for request in requests])
    lock = _lock(plan, requirements, before, session)
    changes = lock_changes(before, lock)
    path = options.project / LOCK_NAME
    is_new = before is None or before.to_bytes() != lock.to_bytes()
    if is_new and options.locked:
        what = "; ".join(change.words for change in changes) or "it is not as mivactl writes it"
        raise Refused(f"`{path}` would change: {what}", hint="run `mivactl lock`, and look at what it prints")
    if is_new:
        write_lock(options.project, lock)
        keep_locked_builds(options.project, lock, session)
    notes = tuple(_note(choice) for choice in plan.choices if choice.fit.note)
    return Locking(path, lock, changes, notes, written=is_new)


def kept(entry: LockedAdapter) -> Requirement:
    """A requirement as it stands in a lock."""
    return Requirement(AdapterRef(name=entry.name, spec=entry.range), entry.range, entry.masked, entry)


def _requirements(refs: Sequence[AdapterRef], before: Lock | None, options: LockOptions) -> list[Requirement]:
    wanted = {entry.name: kept(entry) for entry in (before.adapters if before else ())}
    for name in options.remove:
        if name not in wanted:
            raise NotFound(f"`{name}` is not in `{options.project / LOCK_NAME}`", hint="`mivactl tree` shows what is")
        del wanted[name]
    for ref in refs:
        if ref.weight is not None:
            raise UsageProblem(f"`{ref}` has a weight, which a lock does not keep", hint="leave out the weight")
        entry = before.adapter(ref.name) if before else None
        wanted[ref.name] = Requirement(ref, _range_of(ref), options.masked, entry)
    return [wanted[name] for name in sorted(wanted)]


def _range_of(ref: AdapterRef) -> VersionRange:
    """What a lock keeps of a wish; tags move, so none is kept."""
    return _ANY_WITH_PRE_RELEASES if ref.spec == "beta" else ref.versions


def _request(
    requirement: Requirement, before: Lock | None, session: Session, options: LockOptions, *, same_base: bool
) -> Request:
    entry = requirement.before
    ref = requirement.ref
    home = _home(requirement, before, session, options) if before else None
    if home is not None:
        ref = replace(ref, registry=home.name)
    request = request_for(ref, session, masked=requirement.masked, among="offered")
    if entry is None or home is None:
        return request
    lines = [candidate.line for candidate in request.candidates]
    # Published bytes never change: a registry that has others under a locked version is not to be trusted.
    published = same_key(entry, lines)
    if published is not None:
        require_same_build(entry, published, home.name)
    if published is None or not (requirement.keeps and same_base and _still_wanted(requirement, entry)):
        return request
    return replace(request, ref=replace(ref, spec=entry.manifest))


def _still_wanted(requirement: Requirement, entry: LockedAdapter) -> bool:
    ref = requirement.ref
    if ref.digest is not None:
        return ref.digest == entry.manifest
    return requirement.range.admits(entry.version) and requirement.masked == entry.masked


def _home(requirement: Requirement, before: Lock, session: Session, options: LockOptions) -> Registry | None:
    """The registry a locked adapter comes from, the only one that is asked; None where any may be."""
    entry, ref = requirement.before, requirement.ref
    if entry is None:
        return None
    locked = before.registry_of(entry)
    asked = ref.registry or session.bound_registry(ref.name)
    if options.allow_registry_change:
        known = find_registry(locked, session)
        return None if asked is not None and (known is None or known.name != asked) else known
    home = require_registry(locked, session)
    if asked is not None and asked != home.name:
        raise Refused(
            f"`{ref.name}` is locked from registry `{home.name}` and would come from `{asked}`",
            hint="add `--allow-registry-change` if you know who owns that registry",
        )
    return home


def _lock(plan: Plan, requirements: Sequence[Requirement], before: Lock | None, session: Session) -> Lock:
    used = sorted({choice.candidate.registry for choice in plan.choices})
    named = names_in_lock([locked_registry(session.registry(name)) for name in used], before)
    adapters = [
        _entry(choice, one, named[choice.candidate.registry], _publisher(choice, session))
        for choice, one in zip(plan.choices, requirements, strict=True)
    ]
    registries = {registry.name: registry.plain() for registry in named.values()}
    described = {
        "base": plan.base.base_identity.plain(),
        "registries": [registries[name] for name in sorted(registries)],
        "adapters": [adapter.plain() for adapter in adapters],
    }
    return Lock.of(described, source=LOCK_NAME)


def _publisher(choice: Choice, session: Session) -> str | None:
    return session.guarded(session.registry(choice.candidate.registry)).publisher(choice.candidate.line)


def _entry(choice: Choice, requirement: Requirement, registry: LockedRegistry, publisher: str | None) -> LockedAdapter:
    line, before = choice.candidate.line, requirement.before
    same_build = before is not None and before.manifest == line.manifest.digest
    return LockedAdapter(
        name=line.name,
        range=_range_after(requirement, line.version),
        version=line.version,
        base=line.base.name,
        masked=line.masked,
        registry=registry.name,
        manifest=line.manifest.digest,
        weights=line.weights,
        status=line.status,
        signer=before.signer if before is not None and same_build else publisher,
    )


def _range_after(requirement: Requirement, version: Version) -> VersionRange:
    """The range a lock keeps: as wished; one version for a digest; the next major once that was crossed to."""
    if requirement.ref.digest is not None:
        return VersionRange(f"=={version}")
    if requirement.range.admits(version):
        return requirement.range
    return VersionRange(f">={version},<{version.major + 1}")


def _note(choice: Choice) -> str:
    return f"{choice.candidate.line.name} {choice.candidate.line.version}: {choice.fit.note}"
