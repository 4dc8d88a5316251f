"""What there is to know about adapters a project has locked, or about what is installed where nothing is locked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mivactl.operations.locked_registries import require_registry
from mivactl.operations.project import read_lock
from registry_schema.compatibility import Rejected, check_identity
from registry_schema.versions import VersionRange

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from mivactl.session import Session
    from registry_schema.base_spec import BaseIdentity
    from registry_schema.index import IndexLine
    from registry_schema.names import AdapterName, BaseName
    from registry_schema.versions import Version


@dataclass(frozen=True)
class OutdatedAdapter:
    """One adapter about which there is something to say.

    Attributes:
        in_range: the newest version an update goes to; None where there is none newer.
        major: the newest version of a later major.
        status: of its build now: `active`, `yanked`, `deprecated`, or `gone` from its registry.
        successor: what its author names instead.
    """

    name: str
    version: str
    base: str
    in_range: str | None
    major: str | None
    status: str
    note: str | None
    successor: str | None


@dataclass(frozen=True)
class _Have:
    """What one has of an adapter, and what its registry offers."""

    name: AdapterName
    version: Version
    base: BaseName
    masked: bool
    range: VersionRange
    manifest: str
    trained_on: BaseIdentity
    offered: Sequence[IndexLine]


def outdated(session: Session, project: Path) -> tuple[OutdatedAdapter, ...]:
    """What is newer, withdrawn or deprecated, by name.

    Raises:
        SchemaError: a lock that is none.
        NotFound: a registry of the lock is not on this machine.
    """
    found = (_look(have, session) for have in (_locked(session, project) or _installed(session)))
    return tuple(entry for entry in found if entry is not None)


def _locked(session: Session, project: Path) -> list[_Have]:
    lock = read_lock(project)
    if lock is None:
        return []
    return [
        _Have(
            name=entry.name,
            version=entry.version,
            base=lock.base.name,
            masked=entry.masked,
            range=entry.range,
            manifest=entry.manifest,
            trained_on=lock.base,
            offered=require_registry(lock.registry_of(entry), session).lines(entry.name),
        )
        for entry in lock.adapters
    ]


def _installed(session: Session) -> Iterator[_Have]:
    """The newest installed version for each base and mask; what came from a registry that is gone is passed over."""
    registries = {registry.name: registry for registry in session.registries}
    builds = {
        (b.line.name, b.line.base.name, b.line.masked): b
        for b in sorted(session.store.installed(), key=lambda b: b.line.version)
    }
    for _, build in sorted(builds.items()):
        line, registry = build.line, registries.get(build.pointer.registry)
        if registry is not None:
            yield _Have(
                name=line.name,
                version=line.version,
                base=line.base.name,
                masked=line.masked,
                range=VersionRange(),
                manifest=line.manifest.digest,
                trained_on=line.base,
                offered=session.guarded(registry).lines(line.name),
            )


def _look(have: _Have, session: Session) -> OutdatedAdapter | None:
    now = next((line for line in have.offered if line.manifest.digest == have.manifest), None)
    newer = [line.version for line in have.offered if line.version > have.version and _would_do(line, have, session)]
    same_major = have.range.joined(VersionRange(f"=={have.version.major}.*"))
    in_range = same_major.newest(newer)
    major = VersionRange().newest([v for v in newer if v.major > have.version.major], pre=have.range.names_pre_release)
    status = now.status if now else "gone"
    if in_range is None and major is None and status == "active":
        return None
    return OutdatedAdapter(
        name=have.name,
        version=str(have.version),
        base=have.base,
        in_range=str(in_range) if in_range else None,
        major=str(major) if major else None,
        status=status,
        note=now.note if now else None,
        successor=now.successor if now else None,
    )


def _would_do(line: IndexLine, have: _Have, session: Session) -> bool:
    if line.status == "yanked" or line.masked != have.masked:
        return False
    known = next((base.spec for base in session.bases if base.spec.name == have.base), None)
    if known is None:
        return line.base.architecture == have.trained_on.architecture
    return not isinstance(check_identity(line.base, known), Rejected)
