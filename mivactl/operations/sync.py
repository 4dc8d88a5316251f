"""Install exactly what a lock names, after holding every entry against what its registry says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mivactl.engine_bridge import SilentProgress
from mivactl.operations.candidates import request_for
from mivactl.operations.install import InstallOptions, InstallStep, install_plan
from mivactl.operations.lock import LockOptions, lock_project
from mivactl.operations.locked_builds import base_of_lock, find_line, require_in_range, require_same_build
from mivactl.operations.locked_registries import require_registry
from mivactl.operations.planning import plan_requests, require_plan
from mivactl.operations.project import keep_locked_builds, require_lock
from registry_schema.ref import AdapterRef

if TYPE_CHECKING:
    from pathlib import Path

    from mivactl.engine_bridge import Progress
    from mivactl.resolve.plan import Request
    from mivactl.session import Session
    from registry_schema.lock import Lock, LockedAdapter


@dataclass(frozen=True, kw_only=True)
class SyncOptions:
    """How to follow a lock.

    Attributes:
        project: the folder of `miva.lock`.
        locked: fail if the lock would change: a build was withdrawn, say.
        frozen: take the lock as it is; registries are asked for missing builds only.
        dry_run: plan only.
        allow_stale: take what a registry shows though its signed state has expired.
    """

    project: Path
    locked: bool = False
    frozen: bool = False
    dry_run: bool = False
    allow_stale: bool = False


@dataclass(frozen=True)
class Syncing:
    """What was installed, or would be with `dry_run`; `warnings` are for a person to read."""

    base: str
    steps: tuple[InstallStep, ...]
    dry_run: bool
    warnings: tuple[str, ...] = ()


def sync(session: Session, options: SyncOptions, *, progress: Progress | None = None) -> Syncing:
    """Install what the lock of a project names: all of it or, when anything is wrong, none.

    Raises:
        NotFound: no lock, or a registry, base or build of it that is not there.
        Incompatible: the base of this machine is not the lock's.
        IntegrityProblem: a registry has other bytes than the lock names.
        Expired: a registry's signed state is too old, and `allow_stale` is not set.
        Refused: a range was changed since, the lock would change and `locked` is set, or a policy rules a licence out.
    """
    lock = require_lock(options.project)
    if options.locked:
        lock_project((), session, LockOptions(project=options.project, locked=True))
    base = base_of_lock(lock, session)
    requests = [_request(entry, lock, session, frozen=options.frozen) for entry in lock.adapters]
    plan = require_plan(plan_requests(requests, session, [base]), [request.ref for request in requests])
    how = InstallOptions(dry_run=options.dry_run, yes=True, allow_stale=options.allow_stale)
    done = install_plan(plan, session, how, progress=progress or SilentProgress())
    if not options.dry_run:
        keep_locked_builds(options.project, lock, session)
    return Syncing(str(base.name), done.steps, options.dry_run, done.warnings)


def _request(entry: LockedAdapter, lock: Lock, session: Session, *, frozen: bool) -> Request:
    """The one build of an entry, from its registry or, where it is installed already, from the store."""
    ref = AdapterRef(name=entry.name, spec=entry.manifest)
    here = [build for build in session.store.installed() if build.line.manifest.digest == entry.manifest]
    if here and frozen:
        require_same_build(entry, here[0].line, here[0].pointer.registry)
        return request_for(ref, session, masked=entry.masked, among="installed")
    if not frozen:
        require_in_range(entry)
    registry = require_registry(lock.registry_of(entry), session)
    find_line(entry, registry)
    return request_for(replace(ref, registry=registry.name), session, masked=entry.masked)
