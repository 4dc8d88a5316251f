"""`mivactl sync`."""

from pathlib import Path
from typing import Annotated

import typer

from mivactl.cli.install import tell_steps
from mivactl.cli.options import DryRunOption, ProjectOption, StaleOption
from mivactl.cli.run import Run


def sync(
    run: Run,
    *,
    locked: Annotated[
        bool | None,
        typer.Option(
            "--locked/--no-locked",
            help="Fail if the lock would change: a build was withdrawn, say.",
            show_default="locked where CI=true",
        ),
    ] = None,
    frozen: Annotated[
        bool, typer.Option("--frozen", help="Follow the lock blindly; registries are asked for missing builds only.")
    ] = False,
    allow_stale: StaleOption = False,
    dry_run: DryRunOption = False,
    project: ProjectOption = Path(),
) -> None:
    """Install exactly what `miva.lock` names.

    Example: mivactl sync --locked
    """
    from mivactl.operations.sync import SyncOptions
    from mivactl.operations.sync import sync as sync_project
    from registry_schema.errors import UsageProblem

    if locked and frozen:
        raise UsageProblem("`--locked` and `--frozen` were both given, expected one", hint="leave one of them out")
    if locked is None:
        locked = run.settings.continuous_integration and not frozen
    options = SyncOptions(project=project, locked=locked, frozen=frozen, dry_run=dry_run, allow_stale=allow_stale)
    done = sync_project(run.session, options, progress=run.progress)
    for warning in done.warnings:
        run.console.warn(warning)
    data = {"base": done.base, "dry_run": done.dry_run, "adapters": done.steps, "warnings": done.warnings}
    run.answer(data, lambda: tell_steps(run, done.steps, dry_run=done.dry_run))
