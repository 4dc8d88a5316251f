"""Copy what is missing of an installation into the store: all of it becomes visible in one step, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mivactl.content import Content, chunks_of
from mivactl.disk import require_space
from mivactl.engine_bridge import SilentProgress
from mivactl.operations.download import download, forget_downloads, missing_downloads
from mivactl.operations.header_check import check_header
from mivactl.operations.quota import make_room
from mivactl.store.transaction import NewBuild

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from mivactl.engine_bridge import Phase, Progress
    from mivactl.operations.install_tasks import Task
    from mivactl.registry.registry import Registry
    from mivactl.session import Session
    from mivactl.store.pointer import InstalledBuild
    from mivactl.store.transaction import Transaction
    from mivactl.transfer.fetch import Download
    from registry_schema.base_spec import BaseSpec
    from registry_schema.digests import Digest
    from registry_schema.index import IndexLine
    from registry_schema.manifest import Manifest


def carry_out(tasks: Sequence[Task], base: BaseSpec, session: Session, progress: Progress) -> None:
    """Copy what is missing; a licence that is not the base's own is said first."""
    tasks = [task for task in tasks if task.copies]
    if not tasks:
        return
    contents = [content for task in tasks for content in task.contents()]
    for task in tasks:
        if task.manifest.licence != base.licence:
            source = task.choice.candidate.registry
            manifest = task.manifest
            progress.note(f"{manifest.name} {manifest.version} from {source}: licence {manifest.licence}")
    require_space(session.store.layout.root, sum(content.size_bytes for content in contents))
    make_room(session, [*contents, *(_described(task.choice.candidate.line) for task in tasks)])
    with session.store.transaction() as change:
        arrived = download(_downloads(tasks, session, change), session, progress)
        copied_bytes = sum(content.size_bytes for content in contents if content.digest not in arrived)
        with progress.phase("copy", copied_bytes) as phase:
            for task in tasks:
                registry = session.registry(task.choice.candidate.registry)
                _add(task.choice.candidate.line, task.manifest, registry, change, arrived, phase)
    forget_downloads(arrived, session)
    for task in tasks:
        _remember_publisher(task, session)


def _downloads(tasks: Sequence[Task], session: Session, change: Transaction) -> Iterator[Download]:
    for task in tasks:
        registry = session.registry(task.choice.candidate.registry)
        yield from missing_downloads(registry, task.manifest, task.contents(), change)


def _remember_publisher(task: Task, session: Session) -> None:
    """Pin the first key met for a namespace, now that everything else has been found in order."""
    line = task.choice.candidate.line
    signatures = session.guarded(session.registry(task.choice.candidate.registry)).signatures(line)
    if task.publisher is not None and signatures is not None:
        session.trust.keep_signatures(line.manifest.digest, signatures)
        session.trust.trust(line.name.namespace, task.publisher)


def reinstall(build: InstalledBuild, session: Session) -> None:
    """Copy the files of an installed build again, from the registry it came from.

    Raises:
        NotFound: there is no such registry any more.
        IntegrityProblem: the registry's files are not what its index says, or not signed as they should be.
        ResourceProblem, Busy, NetworkProblem: the disk, another process, or the way there.
    """
    registry = session.registry(build.pointer.registry)
    manifest = session.guarded(registry).manifest(build.line)
    require_space(session.store.layout.root, sum(entry.size for entry in manifest.files))
    progress = SilentProgress()
    with session.store.transaction() as change:
        missing = missing_downloads(registry, manifest, contents_of(manifest), change)
        arrived = download(missing, session, progress)
        with progress.phase("copy", None) as phase:
            _add(build.line, manifest, registry, change, arrived, phase)
    forget_downloads(arrived, session)


def _add(
    line: IndexLine,
    manifest: Manifest,
    registry: Registry,
    change: Transaction,
    arrived: Mapping[Digest, Path],
    phase: Phase,
) -> None:
    described = _described(line)
    build = NewBuild(line, registry.name, described, contents_of(manifest))
    files: dict[Digest, Iterable[bytes] | Path] = {
        content.digest: arrived.get(content.digest) or _file(registry, content, manifest, phase)
        for content in build.files
    }
    change.add(build, {described.digest: (registry.manifest_bytes(line),), **files})
    weights = next(content for content in build.files if content.digest == manifest.weights.digest)
    with change.staged_path(weights).open("rb") as file:
        check_header(file, manifest, label=weights.label)


def _described(line: IndexLine) -> Content:
    return Content(line.manifest.digest, line.manifest.size, f"{line.name} {line.version}: miva.json")


def contents_of(manifest: Manifest) -> tuple[Content, ...]:
    """The files of a build."""
    label = f"{manifest.name} {manifest.version}"
    return tuple(Content(entry.digest, entry.size, f"{label}: {entry.path}") for entry in manifest.files)


def _file(registry: Registry, content: Content, manifest: Manifest, phase: Phase) -> Iterator[bytes]:
    """The bytes of one file of a registry; weights are let through only after a look at their header."""
    if content.digest == manifest.weights.digest:
        with registry.open_file(content) as file:
            check_header(file, manifest, label=content.label)
    with registry.open_file(content) as file:
        for chunk in chunks_of(file):
            yield chunk
            phase.advance(len(chunk))
