"""`mivactl unyank`."""

from mivactl.cli.options import BaseOption, PublishedArgument, TargetOption
from mivactl.cli.run import Run
from mivactl.cli.status_shown import show_changed


def unyank(
    run: Run, reference: PublishedArgument, *, registry: TargetOption = "local", base: BaseOption = None
) -> None:
    """Take back `yank` or `deprecate`.

    Example: mivactl unyank my/waterfall@==1.0.0
    """
    from mivactl.operations.status import set_status
    from registry_schema.index import StatusChange
    from registry_schema.ref import AdapterRef

    changed = set_status(AdapterRef.parse(reference), StatusChange("active"), run.session, registry=registry, base=base)
    show_changed(run, changed, "active again")
