"""`mivactl update`."""

from pathlib import Path
from typing import Annotated

import typer

from mivactl.cli.lock import tell_locking
from mivactl.cli.options import ProjectOption, RegistryChangeOption
from mivactl.cli.run import Run


def update(
    run: Run,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Locked adapters; all of them if none is given.")
    ] = None,
    *,
    major: Annotated[
        bool, typer.Option("--major", help="Cross to newer major versions, which may look different.")
    ] = False,
    allow_registry_change: RegistryChangeOption = False,
    project: ProjectOption = Path(),
) -> None:
    """Move `miva.lock` to the newest builds in range, and say what changes.

    Example: mivactl update waterfall
    """
    from mivactl.operations.update import UpdateOptions
    from mivactl.operations.update import update as update_project
    from registry_schema.names import AdapterName

    options = UpdateOptions(project=project, major=major, allow_registry_change=allow_registry_change)
    tell_locking(run, update_project([AdapterName(name) for name in names or ()], run.session, options))
