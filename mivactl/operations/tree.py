"""A project from its base down to the files of its adapters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mivactl.operations.locked_builds import find_line
from mivactl.operations.locked_registries import require_registry
from mivactl.operations.project import require_lock

if TYPE_CHECKING:
    from pathlib import Path

    from mivactl.session import Session
    from registry_schema.lock import Lock, LockedAdapter
    from registry_schema.manifest import Manifest


@dataclass(frozen=True)
class TreeFile:
    """One file of an adapter."""

    path: str
    kind: str
    size_bytes: int
    digest: str


@dataclass(frozen=True)
class TreeAdapter:
    """One locked adapter with its files."""

    name: str
    version: str
    range: str
    masked: bool
    registry: str
    status: str
    installed: bool
    manifest: str
    files: tuple[TreeFile, ...]


@dataclass(frozen=True)
class ProjectTree:
    """A project: its base and its adapters."""

    project: str
    base: str
    architecture: str
    weights: str
    adapters: tuple[TreeAdapter, ...]


def project_tree(session: Session, project: Path) -> ProjectTree:
    """The tree of the project in a folder; manifests come from the store, or from the registries of the lock.

    Raises:
        NotFound: no lock, or a registry or a build of it that is not there.
        IntegrityProblem: lock and registry do not say the same.
    """
    lock = require_lock(project)
    installed = {build.line.manifest.digest for build in session.store.installed()}
    adapters = tuple(
        _adapter(
            entry, _manifest(entry, lock, session, here=entry.manifest in installed), here=entry.manifest in installed
        )
        for entry in lock.adapters
    )
    base = lock.base
    return ProjectTree(project.resolve().name, base.name, base.architecture, base.weights, adapters)


def _manifest(entry: LockedAdapter, lock: Lock, session: Session, *, here: bool) -> Manifest:
    if here:
        return session.store.manifest(entry.manifest)
    registry = require_registry(lock.registry_of(entry), session)
    return registry.manifest(find_line(entry, registry))


def _adapter(entry: LockedAdapter, manifest: Manifest, *, here: bool) -> TreeAdapter:
    return TreeAdapter(
        name=entry.name,
        version=str(entry.version),
        range=str(entry.range),
        masked=entry.masked,
        registry=entry.registry,
        status=entry.status,
        installed=here,
        manifest=entry.manifest,
        files=tuple(TreeFile(file.path, file.kind, file.size, file.digest) for file in manifest.files),
    )
