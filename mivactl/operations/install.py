"""Install adapters: plan, check, copy, and make all of it visible in one step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mivactl.engine_bridge import SilentProgress
from mivactl.operations.copying import carry_out
from mivactl.operations.install_tasks import tasks_of
from mivactl.operations.name_check import require_no_older_look_alike
from mivactl.operations.planning import plan_for, require_plan
from mivactl.registry.registry import STARTER
from mivactl.resolve.plan import Plan
from registry_schema.errors import Busy, Expired, Refused, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mivactl.engine_bridge import Progress
    from mivactl.operations.install_tasks import Task
    from mivactl.session import Session
    from mivactl.store.pointer import InstalledBuild
    from registry_schema.ref import AdapterRef


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
    tasks = tasks_of(plan, session, reinstall=options.reinstall)
    if not options.yes:
        _check_names(tasks, session)
    warnings = _check_freshness(tasks, session, allow_stale=options.allow_stale)
    if not options.dry_run:
        carry_out(tasks, plan.base, session, progress)
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
    tasks = tasks_of(plan, session, reinstall=False)
    foreign = next((task for task in tasks if task.copies and task.choice.candidate.registry != STARTER), None)
    if foreign is not None and not yes:
        registry = foreign.choice.candidate.registry
        exact = replace(foreign.choice.ref, registry=registry, weight=None)
        raise Refused(
            f"`{foreign.manifest.name}` {foreign.manifest.version} would come from registry `{registry}`",
            hint=f"add `--yes`, or run `mivactl install {exact}` first",
        )
    _check_freshness(tasks, session, allow_stale=False)
    carry_out(tasks, plan.base, session, progress or SilentProgress())
    installed = {build.line.manifest.digest: build for build in session.store.installed()}
    wanted = [choice.candidate.line for choice in plan.choices]
    gone = next((line for line in wanted if line.manifest.digest not in installed), None)
    if gone is not None:
        raise Busy(f"`{gone.name}` {gone.version} was uninstalled by another process", hint="run it again")
    return tuple(installed[line.manifest.digest] for line in wanted)


def _check_names(tasks: Sequence[Task], session: Session) -> None:
    """Ask before a name is taken for an older one."""
    for task in tasks:
        if task.action == "added" and task.choice.candidate.registry != STARTER:
            require_no_older_look_alike(task.choice.candidate.line, session)


def _check_freshness(tasks: Sequence[Task], session: Session, *, allow_stale: bool) -> tuple[str, ...]:
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


def _step(task: Task) -> InstallStep:
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
