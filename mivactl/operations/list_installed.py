"""What is installed, and whether it fits the base in use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from registry_schema.compatibility import Rejected, check_identity

if TYPE_CHECKING:
    from datetime import datetime

    from mivactl.session import Session
    from mivactl.store.pointer import InstalledBuild
    from registry_schema.base_spec import BaseSpec

FitWord = Literal["exact", "fits", "no", "unknown"]


@dataclass(frozen=True)
class ListedBuild:
    """One installed build.

    Attributes:
        fit: against the base in use, `unknown` where this machine does not have that base.
        shared: whether it lies in a store of others.
    """

    name: str
    version: str
    base: str
    masked: bool
    size_bytes: int
    fit: FitWord
    last_used: datetime | None
    registry: str
    digest: str
    shared: bool


def list_installed(session: Session, *, base: str | None = None) -> tuple[ListedBuild, ...]:
    """All installed builds by name and version.

    Args:
        base: the base to hold them against; None takes the one of the settings.

    Raises:
        NotFound: no such base.
    """
    known = session.base(base) if base else session.active_base()
    spec = known.spec if known else None
    builds = sorted(session.store.installed(), key=lambda build: (build.line.name, build.line.version, build.place))
    return tuple(_listed(build, spec) for build in builds)


def _listed(build: InstalledBuild, base: BaseSpec | None) -> ListedBuild:
    line = build.line
    return ListedBuild(
        name=line.name,
        version=str(line.version),
        base=line.base.name,
        masked=line.masked,
        size_bytes=sum(guard.size for guard in build.pointer.guards.values()),
        fit=_fit(build, base),
        last_used=build.last_used,
        registry=build.pointer.registry,
        digest=line.manifest.digest,
        shared=build.shared,
    )


def _fit(build: InstalledBuild, base: BaseSpec | None) -> FitWord:
    if base is None:
        return "unknown"
    fit = check_identity(build.line.base, base)
    return "no" if isinstance(fit, Rejected) else fit.level
