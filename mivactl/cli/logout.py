"""`mivactl logout`."""

from mivactl.cli.login import RegistryArgument
from mivactl.cli.run import Run


def logout(run: Run, registry: RegistryArgument) -> None:
    """Forget the token that `mivactl login` kept for a registry.

    Example: mivactl logout studio
    """
    from mivactl.operations.login import logout as log_out
    from registry_schema.names import RegistryName

    done = log_out(RegistryName(registry), run.session)
    run.answer({"logout": done}, lambda: run.console.line(f"logged out of {done.registry} ({done.endpoint})"))
