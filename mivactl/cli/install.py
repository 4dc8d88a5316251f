"""`mivactl install`."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from mivactl.cli import words
from mivactl.cli.options import BaseOption, DryRunOption, MaskedOption, ReferenceArguments, StaleOption
from mivactl.cli.run import Run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mivactl.operations.install import InstallStep


def install(  # noqa: PLR0913 - one parameter for each option
    run: Run,
    references: ReferenceArguments,
    *,
    base: BaseOption = None,
    masked: MaskedOption = False,
    reinstall: Annotated[bool, typer.Option("--reinstall", help="Copy again what is there already.")] = False,
    dry_run: DryRunOption = False,
    allow_stale: StaleOption = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Take a name that resembles an older one unasked.")] = False,
) -> None:
    """Install adapters: all of them, or none when anything is wrong.

    Example: mivactl install birds-flying waterfall@>=1,<2
    """
    from mivactl.operations.install import InstallOptions
    from mivactl.operations.install import install as install_adapters
    from registry_schema.errors import LookAlike
    from registry_schema.ref import AdapterRef

    options = InstallOptions(
        base=base, masked=masked, reinstall=reinstall, dry_run=dry_run, allow_stale=allow_stale, yes=yes
    )
    refs = [AdapterRef.parse(text) for text in references]
    try:
        done = install_adapters(refs, run.session, options, progress=run.progress)
    except LookAlike as error:
        if not run.console.asks(f"{error.message}; install it all the same?"):
            raise
        done = install_adapters(refs, run.session, replace(options, yes=True), progress=run.progress)
    for warning in done.warnings:
        run.console.warn(warning)

    data = {"base": done.base, "dry_run": done.dry_run, "adapters": done.steps, "warnings": done.warnings}
    run.answer(data, lambda: tell_steps(run, done.steps, dry_run=done.dry_run))


def tell_steps(run: Run, steps: "Sequence[InstallStep]", *, dry_run: bool) -> None:
    """One line for each build of an installation."""
    for step in steps:
        if step.publisher is None and step.action == "added" and step.registry != "starter":
            run.console.note(f"{step.name} is not signed: nobody vouches for it")
        action = f"would be {step.action}" if dry_run else step.action
        size = words.size(step.size_bytes)
        where = f"for {step.base} from {step.registry}"
        run.console.line(f"{step.name} {step.version} {action}: {where}, {size}, {step.licence}")
        if step.note:
            run.console.note(f"{step.name} {step.version}: {step.note}")
