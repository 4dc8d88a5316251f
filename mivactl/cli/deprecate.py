"""`mivactl deprecate`."""

from typing import Annotated

import typer

from mivactl.cli.options import BaseOption, PublishedArgument, TargetOption
from mivactl.cli.run import Run
from mivactl.cli.status_shown import show_changed


def deprecate(
    run: Run,
    reference: PublishedArgument,
    *,
    registry: TargetOption = "local",
    base: BaseOption = None,
    reason: Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why, for those who have it.")] = None,
    successor: Annotated[
        str | None, typer.Option("--successor", metavar="NAME", help="The adapter to use instead.")
    ] = None,
) -> None:
    """Mark published builds as outdated: they stay, with a note and the name of what takes their place.

    Example: mivactl deprecate my/waterfall@<2 --successor my/falling-water
    """
    from mivactl.operations.status import set_status
    from registry_schema.index import StatusChange
    from registry_schema.names import AdapterName
    from registry_schema.ref import AdapterRef

    change = StatusChange("deprecated", note=reason, successor=AdapterName(successor) if successor else None)
    changed = set_status(AdapterRef.parse(reference), change, run.session, registry=registry, base=base)
    show_changed(run, changed, "deprecated")
