"""Install adapters: plan, check, copy, and make all of it visible in one step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mivactl.content import Content, chunks_of
from mivactl.disk import require_space
from mivactl.engine_bridge import SilentProgress
from mivactl.operations.download import download, forget_downloads, missing_downloads
from mivactl.operations.header_check import check_header
from mivactl.operations.planning import manifest_of, plan_for, require_plan
from mivactl.registry.registry import STARTER
from mivactl.resolve.plan import Plan
from mivactl.store.pointer import place_of
from mivactl.store.transaction import NewBuild
from registry_schema.errors import Busy, IntegrityProblem, Refused, UsageProblem

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
    from registry_schema.digests import Digest
    from registry_schema.manifest import Manifest
    from registry_schema.ref import AdapterRef


@dataclass(frozen=True, kw_only=True)
class InstallOptions:
    """How to install.

    Attributes:
        base: the base to install for; None takes the preferred one that has builds for all.
        masked: take the masked builds.
        reinstall: copy again what is there already.
        dry_run: plan only.
    """

    base: str | None = None
    masked: bool = False
    reinstall: bool = False
    dry_run: bool = False


@dataclass(frozen=True)
class InstallStep:
    """One build of an installation; `action` is `added`, `repaired` or `kept`."""

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


@dataclass(frozen=True)
class Installation:
    """What was done, or would be with `dry_run`."""

    base: str
    steps: tuple[InstallStep, ...]
    dry_run: bool


@dataclass(frozen=True)
class _Task:
    choice: Choice
    manifest: Manifest
    action: str

    @property
    def label(self) -> str:
        return f"{self.manifest.name} {self.manifest.version}"

    @property
    def copies(self) -> bool:
        return self.action != "kept"

    def contents(self) -> tuple[Content, ...]:
        return tuple(Content(entry.digest, entry.size, f"{self.label}: {entry.path}") for entry in self.manifest.files)


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
        IntegrityProblem: the registry's files are not what its index says.
        ResourceProblem, Busy, UsageProblem: the disk, another process, or a weight among the references.
    """
    weighted = next((ref for ref in refs if ref.weight is not None), None)
    if weighted is not None:
        raise UsageProblem(f"`{weighted}` has a weight, which `install` does not take", hint="leave out the weight")
    plan = require_plan(plan_for(refs, session, base=options.base, masked=options.masked), refs)
    tasks = _tasks(plan, session, reinstall=options.reinstall)
    if not options.dry_run:
        _carry_out(tasks, session, progress or SilentProgress())
    return Installation(plan.base.name, tuple(_step(task) for task in tasks), options.dry_run)


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
        raise Refused(
            f"`{foreign.manifest.name}` {foreign.manifest.version} would come from registry `{registry}`",
            hint=f"add `--yes`, or run `mivactl install {registry}::{foreign.manifest.name}` first",
        )
    _carry_out(tasks, session, progress or SilentProgress())
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
        return _Task(choice, manifest_of(choice.candidate, session), "added")
    if present.line.manifest.digest != line.manifest.digest:
        raise Refused(
            f"`{line.name}` {line.version} is installed from `{present.pointer.registry}`, "
            f"`{choice.candidate.registry}` has other bytes under the same version",
            hint=f"run `mivactl uninstall {line.name}@=={line.version}` first",
        )
    if reinstall or _is_damaged(present, session):
        offered = session.registry(present.pointer.registry).manifest(line)
        return _Task(choice, offered, "repaired")
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


def _carry_out(tasks: Sequence[_Task], session: Session, progress: Progress) -> None:
    tasks = [task for task in tasks if task.copies]
    if not tasks:
        return
    contents = [content for task in tasks for content in task.contents()]
    require_space(session.store.layout.root, sum(content.size_bytes for content in contents))
    with session.store.transaction() as change:
        arrived = download(_downloads(tasks, session, change), session, progress)
        copied_bytes = sum(content.size_bytes for content in contents if content.digest not in arrived)
        with progress.phase("copy", copied_bytes) as phase:
            for task in tasks:
                _add(task, session, change, arrived, phase)
    forget_downloads(arrived, session)


def _downloads(tasks: Sequence[_Task], session: Session, change: Transaction) -> Iterator[Download]:
    for task in tasks:
        registry = session.registry(task.choice.candidate.registry)
        yield from missing_downloads(registry, task.manifest, task.contents(), change)


def _add(task: _Task, session: Session, change: Transaction, arrived: Mapping[Digest, Path], phase: Phase) -> None:
    line = task.choice.candidate.line
    registry = session.registry(task.choice.candidate.registry)
    manifest = Content(line.manifest.digest, line.manifest.size, f"{task.label}: miva.json")
    build = NewBuild(line, registry.name, manifest, task.contents())
    files: dict[Digest, Iterable[bytes] | Path] = {
        content.digest: arrived.get(content.digest) or _file(registry, content, task, phase) for content in build.files
    }
    change.add(build, {manifest.digest: (registry.manifest_bytes(line),), **files})
    weights = next(content for content in build.files if content.digest == task.manifest.weights.digest)
    with change.staged_path(weights).open("rb") as file:
        check_header(file, task.manifest, label=weights.label)


def _file(registry: Registry, content: Content, task: _Task, phase: Phase) -> Iterator[bytes]:
    """The bytes of one file of a registry; weights are let through only after a look at their header."""
    if content.digest == task.manifest.weights.digest:
        with registry.open_file(content) as file:
            check_header(file, task.manifest, label=content.label)
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
    )
