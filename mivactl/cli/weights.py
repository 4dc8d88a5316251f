"""`mivactl weights fetch`, `weights list` and `weights remove`."""

from typing import Annotated

import typer

from mivactl.cli import words
from mivactl.cli.console import Column
from mivactl.cli.run import Run

_COLUMNS = (Column("name"), Column("what it does"), Column("size", number=True), Column("licence"), Column("place"))
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Which weights: `segmenter`.")]


def list_(run: Run) -> None:
    """List weights besides bases and adapters, and whether they are on this machine.

    Example: mivactl weights list
    """
    from mivactl.operations.weights import list_weights

    listed = list_weights(run.session)

    def show() -> None:
        rows = [
            (
                one.name,
                one.purpose,
                words.size(one.size_bytes),
                one.licence,
                str(one.folder) if one.folder else f"`mivactl weights fetch {one.name}`",
            )
            for one in listed
        ]
        run.console.table(_COLUMNS, rows)

    run.answer({"weights": listed}, show)


def fetch(run: Run, name: NameArgument) -> None:
    """Download the models that find subjects by a phrase: GroundingDINO and SAM 2, safetensors only.

    Example: mivactl weights fetch segmenter

    Their commits and digests are fixed by this mivactl. A download that stopped
    goes on when the same command runs again.
    """
    from mivactl.operations.weights import fetch_weights

    done = fetch_weights(name, run.session, progress=run.progress)

    def show() -> None:
        run.console.line(str(done.folder))
        if not done.is_new:
            run.console.note(f"{done.name} is here already")
            return
        run.console.note(f"{done.name}: {words.size(done.size_bytes)}")
        for source in done.sources:
            run.console.note(f"  {source}")

    run.answer({"weights": done}, show)


def remove(run: Run, name: NameArgument) -> None:
    """Delete weights that were fetched.

    Example: mivactl weights remove segmenter
    """
    from mivactl.operations.weights import remove_weights

    freed = remove_weights(name, run.session)
    data = {"removed": name, "freed_bytes": freed}
    run.answer(data, lambda: run.console.line(f"{name} removed, {words.size(freed)} freed"))
