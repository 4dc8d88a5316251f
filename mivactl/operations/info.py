"""Everything about an adapter, from the store or a registry; its weights are neither copied nor read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mivactl.operations.candidates import request_for
from mivactl.operations.planning import manifest_of
from registry_schema.errors import AuthProblem, NetworkProblem, NotFound

if TYPE_CHECKING:
    from mivactl.resolve.plan import Candidate
    from mivactl.session import Session
    from registry_schema.attachments import Attachment
    from registry_schema.manifest import Manifest
    from registry_schema.ref import AdapterRef


@dataclass(frozen=True)
class BuildInfo:
    """One build: its digest, its status, where it is from, its whole manifest, and what was attached to it later."""

    digest: str
    status: str
    note: str | None
    registry: str
    installed: bool
    manifest: Manifest
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True)
class AdapterInfo:
    """The builds of one version, and the other versions there are."""

    name: str
    version: str
    builds: tuple[BuildInfo, ...]
    other_versions: tuple[str, ...]


def info(ref: AdapterRef, session: Session, *, base: str | None = None) -> AdapterInfo:
    """The newest version that `ref` admits, with its build for each base.

    Args:
        base: only the build for this base.

    Raises:
        NotFound: no such adapter, or none such version.
    """
    candidates = request_for(ref, session).candidates
    wanted = [
        candidate
        for candidate in candidates
        if base in {None, candidate.line.base.name}
        and (candidate.line.manifest.digest == ref.digest if ref.digest else ref.admits(candidate.line.version))
    ]
    versions = sorted({candidate.line.version for candidate in candidates}, reverse=True)
    if not wanted:
        there = ", ".join(str(version) for version in versions)
        bases = ", ".join(sorted({candidate.line.base.name for candidate in candidates}))
        suffix = f" for base `{base}`" if base else ""
        raise NotFound(f"no build of `{ref}`{suffix}", hint=f"there are the versions {there} for {bases}")
    newest = max(candidate.line.version for candidate in wanted)
    builds = tuple(
        BuildInfo(
            digest=candidate.line.manifest.digest,
            status=candidate.line.status,
            note=candidate.line.note,
            registry=candidate.registry,
            installed=candidate.installed,
            manifest=manifest_of(candidate, session),
            attachments=_attachments(candidate, session),
        )
        for candidate in wanted
        if candidate.line.version == newest
    )
    return AdapterInfo(ref.name, str(newest), builds, tuple(str(other) for other in versions if other != newest))


def _attachments(candidate: Candidate, session: Session) -> tuple[Attachment, ...]:
    """What is attached to a build; nothing where its registry is gone, or can not be asked."""
    try:
        registry = session.guarded(session.registry(candidate.registry))
        attachments = registry.attachments(candidate.line.name)
    except (NotFound, NetworkProblem, AuthProblem):
        return ()
    return tuple(one for one in attachments if one.manifest == candidate.line.manifest.digest)
