"""Move locked adapters to newer versions: within their range and major version, or across majors when asked to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mivactl.operations.lock import LockOptions, Requirement, kept, relock
from mivactl.operations.project import LOCK_NAME, project_held, require_lock
from registry_schema.errors import NotFound
from registry_schema.ref import AdapterRef
from registry_schema.versions import VersionRange

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mivactl.operations.lock import Locking
    from mivactl.session import Session
    from registry_schema.lock import LockedAdapter
    from registry_schema.names import AdapterName


@dataclass(frozen=True, kw_only=True)
class UpdateOptions:
    """How to update.

    Attributes:
        project: the folder of `miva.lock`.
        major: newer major versions, too, which may look different; ranges that end before them are moved.
        allow_registry_change: look in other registries than before, too.
    """

    project: Path
    major: bool = False
    allow_registry_change: bool = False


def update(names: Sequence[AdapterName], session: Session, options: UpdateOptions) -> Locking:
    """Lock the newest builds of the adapters that are named, of all without names; the others stay.

    Raises:
        NotFound: no lock, or a name that is not in it.
        Incompatible, Refused, IntegrityProblem, Busy: as `lock_project`.
    """
    with project_held(options.project, session):
        before = require_lock(options.project)
        unknown = next((name for name in names if before.adapter(name) is None), None)
        if unknown is not None:
            raise NotFound(
                f"`{unknown}` is not in `{options.project / LOCK_NAME}`", hint="`mivactl tree` shows what is"
            )
        requirements = [
            _newest(entry, major=options.major) if not names or entry.name in names else kept(entry)
            for entry in before.adapters
        ]
        locking = LockOptions(project=options.project, allow_registry_change=options.allow_registry_change)
        return relock(requirements, before, session, locking)


def range_of_update(entry: LockedAdapter, *, major: bool) -> VersionRange:
    """The versions an update may go to."""
    if not major:
        return entry.range.joined(VersionRange(f"=={entry.version.major}.*"))
    return VersionRange(">=0a0" if entry.range.names_pre_release else "")


def _newest(entry: LockedAdapter, *, major: bool) -> Requirement:
    ref = AdapterRef(name=entry.name, spec=range_of_update(entry, major=major))
    return Requirement(ref, entry.range, entry.masked, entry, keeps=False)
