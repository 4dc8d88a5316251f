"""Install adapters: plan, check, copy, and make all of it visible in one step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mivactl.content import Content, chunks_of
from mivactl.disk import require_space
from mivactl.engine_bridge import SilentProgress
from mivactl.operations.download import download, forget_downloads, missing_downloads
from mivactl.operations.header_check import check_header
from mivactl.operations.name_check import require_no_older_look_alike
from mivactl.operations.planning import manifest_of, plan_for, require_plan
from mivactl.operations.quota import make_room
from mivactl.registry.registry import STARTER
from mivactl.resolve.plan import Plan
from mivactl.store.pointer import place_of
from mivactl.store.transaction import NewBuild
from registry_schema.errors import Busy, Expired, IntegrityProblem, Refused, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from mivactl.engine_bridge import Phase, Progress
    from mivactl.registry.registry import Registry
    from mivactl.resolve.plan import Choice
    from mivactl.session import Session
    from mivactl.store.pointer import InstalledBuild
    from mivactl.store.transaction import Transaction
    from mivactl.transfer.fetch import Download
    from registry_schema.base_spec import BaseSpec
    from registry_schema.digests import Digest
    from registry_schema.index import IndexLine
    from registry_schema.manifest import Manifest
    from registry_schema.ref import AdapterRef
    from registry_schema.signatures import PublicKey


@dataclass(frozen=True, kw_only=True)
class InstallOptions:
    """How to install.

    Attributes:
        base: the base to install for; None takes the preferred one that has builds for all.
        masked: take the masked builds.
        reinstall: copy again what is there already.
        dry_run: plan only.
        allow_stale: take what a registry shows though its signed state has expired.
        yes: take adapters whose names resemble older ones.
    """

    base: str | None = None
    masked: bool = False
    reinstall: bool = False
    dry_run: bool = False
    allow_stale: bool = False
    yes: bool = False


@dataclass(frozen=True)
class InstallStep:
    """One build of an installation; `action` is `added`, `repaired` or `kept`, `publisher` the key that signed it."""

    name: str
    version: str
    base: str
    masked: bool
    registry: str
    action: str
    size_bytes: int
    licence: str
    fit: str
    note: str
    publisher: str | None = None


@dataclass(frozen=True)
class Installation:
    """What was done, or would be with `dry_run`; `warnings` are for a person to read."""

    base: str
    steps: tuple[InstallStep, ...]
    dry_run: bool
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Task:
    choice: Choice
    manifest: Manifest
    action: str
    publisher: PublicKey | None = None

    @property
    def copies(self) -> bool:
        return self.action != "kept"

    def contents(self) -> tuple[Content, ...]:
        return contents_of(self.manifest)


def install(
    refs: Sequence[AdapterRef],
    session: Session,
    options: InstallOptions,
    *,
    progress: Progress | None = None,
) -> Installation:
    """Install the builds that `refs` mean: all of them or, when anything is wrong, none.

    Raises:
        NotFound, Incompatible: no such adapter, or none that fits.
        IntegrityProblem: the registry's files are not what its index says, or were not signed as they should be.
        LookAlike: a name that resembles an older one, and `options.yes` is not set.
        Expired: a registry's signed state is too old, and `options.allow_stale` is not set.
        ResourceProblem, Busy, UsageProblem: the disk, another process, or a weight among the references.
    """
    weighted = next((ref for ref in refs if ref.weight is not None), None)
    if weighted is not None:
        raise UsageProblem(f"`{weighted}` has a weight, which `install` does not take", hint="leave out the weight")
    plan = require_plan(plan_for(refs, session, base=options.base, masked=options.masked), refs)
    return install_plan(plan, session, options, progress=progress or SilentProgress())


def install_plan(plan: Plan, session: Session, options: InstallOptions, *, progress: Progress) -> Installation:
    """Install the builds of a plan, all or none; raises what `install` does."""
    tasks = _tasks(plan, session, reinstall=options.reinstall)
    if not options.yes:
        _check_names(tasks, session)
    warnings = _check_freshness(tasks, session, allow_stale=options.allow_stale)
    if not options.dry_run:
        _carry_out(tasks, plan.base, session, progress)
    return Installation(plan.base.name, tuple(_step(task) for task in tasks), options.dry_run, warnings)
    tasks = _tasks(plan, session, reinstall=options.reinstall)
    if not options.yes:
        _check_names(tasks, session)
    warnings = _check_freshness(tasks, session, allow_stale=options.allow_stale)
    if not options.dry_run:
        _carry_out(tasks, session, progress or SilentProgress())
    return Installation(plan.base.name, tuple(_step(task) for task in tasks), options.dry_run, warnings)


def ensure_installed(
    refs: Sequence[AdapterRef],
    session: Session,
    *,
    base: str | None = None,
    yes: bool = False,
    progress: Progress | None = None,
) -> tuple[InstalledBuild, ...]:
    """The installed build for each of `refs`, in their order; what is missing is installed first.

    What is installed and fits is taken as it is, newer versions elsewhere or not. Builds from the starter registry
    are installed without a question.

    Args:
        yes: whether builds may come from other registries too.

    Raises:
        Refused: a build would come from another registry and `yes` is not set.
        NotFound, Incompatible, IntegrityProblem, ResourceProblem, Busy: as `install`.
    """
    plan = plan_for(refs, session, base=base, installed_only=True)
    if not isinstance(plan, Plan):
        plan = require_plan(plan_for(refs, session, base=base), refs)
    tasks = _tasks(plan, session, reinstall=False)
    foreign = next((task for task in tasks if task.copies and task.choice.candidate.registry != STARTER), None)
    if foreign is not None and not yes:
        registry = foreign.choice.candidate.registry
        exact = replace(foreign.choice.ref, registry=registry, weight=None)
        raise Refused(
            f"`{foreign.manifest.name}` {foreign.manifest.version} would come from registry `{registry}`",
            hint=f"add `--yes`, or run `mivactl install {exact}` first",
        )
    _check_freshness(tasks, session, allow_stale=False)
    _carry_out(tasks, plan.base, session, progress or SilentProgress())
    installed = {build.line.manifest.digest: build for build in session.store.installed()}
    wanted = [choice.candidate.line for choice in plan.choices]
    gone = next((line for line in wanted if line.manifest.digest not in installed), None)
    if gone is not None:
        raise Busy(f"`{gone.name}` {gone.version} was uninstalled by another process", hint="run it again")
    return tuple(installed[line.manifest.digest] for line in wanted)


def _tasks(plan: Plan, session: Session, *, reinstall: bool) -> tuple[_Task, ...]:
    installed = {build.place: build for build in session.store.installed()}
    return tuple(_task(choice, session, installed, reinstall=reinstall) for choice in plan.choices)


def _task(choice: Choice, session: Session, installed: dict[str, InstalledBuild], *, reinstall: bool) -> _Task:
    line = choice.candidate.line
    present = installed.get(place_of(line))
    if present is None:
        publisher = session.guarded(session.registry(choice.candidate.registry)).publisher(line)
        return _Task(choice, manifest_of(choice.candidate, session), "added", publisher)
    if present.line.manifest.digest != line.manifest.digest:
        raise Refused(
            f"`{line.name}` {line.version} is installed from `{present.pointer.registry}`, "
            f"`{choice.candidate.registry}` has other bytes under the same version",
            hint=f"run `mivactl uninstall {line.name}@=={line.version}` first",
        )
    if reinstall or _is_damaged(present, session):
        registry = session.guarded(session.registry(present.pointer.registry))
        return _Task(choice, registry.manifest(line), "repaired", registry.publisher(line))
    return _Task(choice, manifest_of(choice.candidate, session), "kept")


def _is_damaged(build: InstalledBuild, session: Session) -> bool:
    """Whether bytes changed; a store that was copied elsewhere only looks different, so what does is hashed."""
    if session.store.looks_intact(build):
        return False
    try:
        for entry in session.store.manifest(build.line.manifest.digest).files:
            session.store.file(build, entry)
    except IntegrityProblem:
        return True
    return False


def _check_names(tasks: Sequence[_Task], session: Session) -> None:
    """Ask before a name is taken for an older one."""
    for task in tasks:
        if task.action == "added" and task.choice.candidate.registry != STARTER:
            require_no_older_look_alike(task.choice.candidate.line, session)


def _check_freshness(tasks: Sequence[_Task], session: Session, *, allow_stale: bool) -> tuple[str, ...]:
    """What there is to say of registries whose signed state has expired; raises `Expired` unless it is allowed."""
    warnings = []
    for name in sorted({task.choice.candidate.registry for task in tasks if task.copies}):
        try:
            session.guarded(session.registry(name)).require_fresh(session.now)
        except Expired as error:
            if not allow_stale:
                raise
            warnings.append(error.message)
    return tuple(warnings)


def _carry_out(tasks: Sequence[_Task], base: BaseSpec, session: Session, progress: Progress) -> None:
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


def _downloads(tasks: Sequence[_Task], session: Session, change: Transaction) -> Iterator[Download]:
    for task in tasks:
        registry = session.registry(task.choice.candidate.registry)
        yield from missing_downloads(registry, task.manifest, task.contents(), change)


def _remember_publisher(task: _Task, session: Session) -> None:
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


def _step(task: _Task) -> InstallStep:
    candidate = task.choice.candidate
    return InstallStep(
        name=task.manifest.name,
        version=str(task.manifest.version),
        base=candidate.line.base.name,
        masked=candidate.line.masked,
        registry=candidate.registry,
        action=task.action,
        size_bytes=sum(entry.size for entry in task.manifest.files),
        licence=task.manifest.licence,
        fit=task.choice.fit.level,
        note=task.choice.fit.note,
        publisher=task.publisher,
    )
