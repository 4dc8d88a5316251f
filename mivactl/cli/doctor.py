"""`mivactl doctor`."""

import os
from typing import Annotated

import typer

from mivactl.cli.run import Run


def doctor(
    run: Run,
    *,
    repair: Annotated[
        bool, typer.Option("--repair", help="Mend what can be mended: fetch damaged files again, remove leftovers.")
    ] = False,
) -> None:
    """Look for everything that can be wrong here: store, disk, clock, network settings, registries, libraries, bases.

    Example: mivactl doctor --repair
    """
    from mivactl.operations.doctor import doctor as examine
    from mivactl.operations.doctor import require_health
    from registry_schema.errors import MivaError

    found = examine(run.session, os.environ, mends=repair)

    def show() -> None:
        for repaired in found.repairs:
            run.console.line(f"repaired: {repaired.what}")
        for finding in found.findings:
            run.console.line(f"{finding.level}: {finding.check}: {finding.message}")
            run.console.line(f"  fix: {finding.fix}")
        run.console.line(", ".join(f"{name} {version}" for name, version in found.versions.items()))
        if not found.findings:
            run.console.line("nothing is wrong")

    data = {"findings": found.findings, "repairs": found.repairs, "versions": found.versions}
    try:
        require_health(found)
    except MivaError as error:
        run.answer_partly(data, show, error)
    run.answer(data, show)
