"""`mivactl login`."""

import sys
from typing import Annotated

import typer

from mivactl.cli.run import Run

_LONGEST_LINE = 8192
RegistryArgument = Annotated[str, typer.Argument(metavar="REGISTRY", help="The name of a registry.")]


def login(
    run: Run,
    registry: RegistryArgument,
    token: Annotated[str | None, typer.Argument(hidden=True)] = None,
) -> None:
    """Keep a token for a registry, after the registry has taken it; it is asked for, or read from stdin.

    Example: mivactl login studio < token.txt
    """
    from mivactl.operations.login import login as log_in
    from mivactl.operations.login import token_registry
    from registry_schema.errors import UsageProblem
    from registry_schema.names import RegistryName

    if token is not None:
        from mivactl.scrubber import remember

        remember(token)
        raise UsageProblem(
            "a token on the command line is seen by everybody on this machine",
            hint=f"run `mivactl login {registry}`, which asks for it, and make a new token in place of this one",
        )
    target = token_registry(RegistryName(registry), run.session)
    done = log_in(target, read_token(registry), run.session)

    def show() -> None:
        run.console.line(f"logged in to {done.registry} ({done.endpoint}); the token is in {done.kept_in}")

    run.answer({"login": done}, show)


def read_token(registry: str) -> str:
    """A token from stdin, or from a person, who does not see it."""
    if not sys.stdin.isatty():
        return sys.stdin.readline(_LONGEST_LINE)
    from getpass import getpass

    return getpass(f"Token for {registry}: ", stream=sys.stderr)
