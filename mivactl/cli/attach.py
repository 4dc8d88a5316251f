"""`mivactl attach`."""

from pathlib import Path
from typing import Annotated

import typer

from mivactl.cli.options import BaseOption, PublishedArgument
from mivactl.cli.run import Run


def attach(  # noqa: PLR0913 - one parameter for each option
    run: Run,
    reference: PublishedArgument,
    *,
    preview: Annotated[
        list[Path] | None, typer.Option("--preview", metavar="FILE", help="A picture or a clip; repeat it for several.")
    ] = None,
    report: Annotated[
        list[Path] | None,
        typer.Option(
            "--report",
            metavar="DIR|FILE",
            help="The numbers of a run of `bench`, or a report in JSON; repeat it for several.",
        ),
    ] = None,
    to: Annotated[
        str, typer.Option("--to", metavar="REGISTRY", help="A registry's name, folder or address.")
    ] = "local",
    base: BaseOption = None,
    masked: Annotated[bool, typer.Option("--masked", help="The masked build.")] = False,
) -> None:
    """Add previews and reports to a build that is published already; `info` and the gallery show them.

    Example: mivactl attach my/waterfall@==1.0.0 --preview evening.webp --to studio
    """
    from mivactl.operations.attach import Belonging
    from mivactl.operations.attach import attach as attach_files
    from registry_schema.ref import AdapterRef

    done = attach_files(
        AdapterRef.parse(reference),
        run.session,
        to=to,
        previews=preview or (),
        reports=report or (),
        belonging=Belonging(base=base, masked=masked),
    )

    def show() -> None:
        for file in done:
            state = "attached to" if file.is_new else "was attached already to"
            masked = ", masked" if file.masked else ""
            run.console.line(f"{file.path} {state} {file.name} {file.version} for {file.base}{masked}")
            if file.stripped:
                run.console.note(f"{file.path} went out without its metadata")

    run.answer({"attached": done}, show)
