"""`mivactl uninstall`."""

from mivactl.cli.options import BaseOption, ReferenceArguments
from mivactl.cli.run import Run


def uninstall(run: Run, references: ReferenceArguments, *, base: BaseOption = None) -> None:
    """Uninstall adapters, and remove the files nothing else needs.

    Example: mivactl uninstall birds-flying
    """
    from mivactl.operations.uninstall import uninstall as uninstall_adapters
    from registry_schema.ref import AdapterRef

    removed = uninstall_adapters([AdapterRef.parse(text) for text in references], run.session, base=base)

    def show() -> None:
        for build in removed:
            run.console.line(f"{build.name} {build.version} for {build.base} removed")
            if build.kept:
                run.console.note(f"the lock of a project names {build.name} {build.version}: its files stay")

    run.answer({"removed": removed}, show)
