"""`mivactl yank`."""

from typing import Annotated

import typer

from mivactl.cli.options import BaseOption, PublishedArgument, TargetOption
from mivactl.cli.run import Run
from mivactl.cli.status_shown import show_changed


def yank(
    run: Run,
    reference: PublishedArgument,
    *,
    registry: TargetOption = "local",
    base: BaseOption = None,
    reason: Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why, for those who have it.")] = None,
) -> None:
    """Withdraw published builds: nobody gets them any more unless they ask for exactly that version or have a lock.

    Example: mivactl yank my/waterfall@==1.0.0 --reason "moves the sky"
    """
    from mivactl.operations.status import set_status
    from registry_schema.index import StatusChange
    from registry_schema.ref import AdapterRef

    change = StatusChange("yanked", note=reason)
    changed = set_status(AdapterRef.parse(reference), change, run.session, registry=registry, base=base)
    show_changed(run, changed, "withdrawn")
