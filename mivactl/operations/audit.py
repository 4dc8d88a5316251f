"""Hold what is installed against the signed advisories of all registries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry_schema.advisories import MAX_ADVISORIES_BYTES
from registry_schema.errors import IntegrityProblem
from registry_schema.signed_state import ADVISORIES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mivactl.session import Session
    from mivactl.store.pointer import InstalledBuild


@dataclass(frozen=True)
class Hit:
    """An installed build that an owner of a registry warns of."""

    name: str
    version: str
    base: str
    digest: str
    kind: str
    reason: str
    date: str
    registry: str

    @property
    def sentence(self) -> str:
        """The warning, for a person."""
        return f"{self.name} {self.version} is {self.kind}, says registry {self.registry}: {self.reason} ({self.date})"


@dataclass(frozen=True)
class Audit:
    """How many builds were held against how many advisories of which registries, and what was found.

    Attributes:
        unsigned: registries whose advisories nobody signed: they were not believed.
    """

    build_count: int
    advisory_count: int
    registries: tuple[str, ...]
    unsigned: tuple[str, ...]
    hits: tuple[Hit, ...]


def audit(session: Session) -> Audit:
    """Read the newest advisories of every signed registry, and hold all installed builds against them.

    Raises:
        IntegrityProblem: a registry whose signed state does not hold.
    """
    guarded = [session.guarded(registry) for registry in session.registries]
    signed = [registry for registry in guarded if registry.is_signed]
    for registry in signed:
        registry.state()
    others = (other for other in guarded if other not in signed)
    unsigned = (other for other in others if other.inner.read(ADVISORIES, max_bytes=MAX_ADVISORIES_BYTES))
    builds = session.store.installed()
    return Audit(
        build_count=len(builds),
        advisory_count=sum(len(found) for found in session.trust.advisories().values()),
        registries=tuple(str(registry.name) for registry in signed),
        unsigned=tuple(str(registry.name) for registry in unsigned),
        hits=known_hits(builds, session),
    )


def require_no_hits(found: Audit) -> None:
    """Raise what `audit` found; raises `IntegrityProblem`."""
    if not found.hits:
        return
    first = found.hits[0]
    more = f", and {len(found.hits) - 1} more" if len(found.hits) > 1 else ""
    raise IntegrityProblem(
        f"{first.sentence}{more}", hint=f"run `mivactl uninstall --base {first.base} {first.name}@=={first.version}`"
    )


def known_hits(builds: Iterable[InstalledBuild], session: Session) -> tuple[Hit, ...]:
    """The advisories on `builds` that this machine has seen; no registry is asked."""
    advisories = session.trust.advisories()
    hits: list[Hit] = []
    for build in builds:
        line = build.line
        digests = {line.manifest.digest, line.weights.digest, line.weights.tensors}
        for registry, found in advisories.items():
            hits.extend(
                Hit(
                    name=line.name,
                    version=str(line.version),
                    base=line.base.name,
                    digest=advisory.digest,
                    kind=advisory.kind,
                    reason=advisory.reason,
                    date=advisory.date,
                    registry=registry,
                )
                for advisory in found
                if advisory.digest in digests
            )
    return tuple(hits)
