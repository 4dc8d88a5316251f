"""`mivactl weights fetch`, `weights list` and `weights remove`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mivactl.cli import words
from mivactl.cli.console import Column
from mivactl.cli.run import Run

if TYPE_CHECKING:
    from mivactl.operations.weight_sets import ListedWeights

_COLUMNS = (Column("name"), Column("what it does"), Column("size", number=True), Column("licence"), Column("place"))
_BROUGHT = (Column("weights"), Column("state"), Column("licence"), Column("what"))
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Which weights: `segmenter` or `bench`.")]


def list_(run: Run) -> None:
    """List weights besides bases and adapters, and whether they are on this machine.

    Example: mivactl weights list
    """
    from mivactl.operations.weight_sets import list_weights

    listed = list_weights(run.session)
    run.answer({"weights": listed}, lambda: run.console.table(_COLUMNS, [_row(one) for one in listed]))


def _row(one: "ListedWeights") -> tuple[str, ...]:
    size = "-" if one.size_bytes is None else words.size(one.size_bytes)
    place = str(one.folder) if one.folder else f"`mivactl weights fetch {one.fetched_as}`"
    return (one.name, one.purpose, size, one.licence, place)


def fetch(
    run: Run,
    name: NameArgument,
    *,
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="DIR", help="With `bench`: take files from a folder, fetch nothing."),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="With `bench`: bring also what is here.")] = False,
) -> None:
    """Download the models that find subjects by a phrase (`segmenter`), or those of published metrics (`bench`).

    Example: mivactl weights fetch segmenter

    Their licences are their publishers'. The commits and digests of GroundingDINO and SAM 2 are fixed by
    this mivactl. A download that stopped goes on when the same command runs again.
    """
    from mivactl.operations.weight_sets import BENCH, require_set

    require_set(name, source=source, again=again)
    if name == BENCH:
        _fetch_bench(run, source, again=again)
    else:
        _fetch_segmenter(run, name)


def _fetch_segmenter(run: Run, name: str) -> None:
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


def _fetch_bench(run: Run, source: Path | None, *, again: bool) -> None:
    from mivactl.operations.fetch_metric_weights import fetch_metric_weights, metric_weights_folder
    from registry_schema.errors import Incomplete

    results = fetch_metric_weights(run.session, source=source, again=again, progress=run.progress)
    data = {"folder": metric_weights_folder(run.session), "weights": results}
    missing = [result for result in results if result.state == "missing"]
    for result in missing:
        run.console.warn(f"{result.name}: {result.reason}")

    def show() -> None:
        run.console.table(_BROUGHT, [(one.name, one.state, one.licence, one.title) for one in results])

    if not missing:
        run.answer(data, show)
        return
    error = Incomplete(
        f"{len(missing)} of {len(results)} weights are not here; the metrics that need them are left out",
        hint="run it again, or pass `--from DIR` with the files",
    )
    run.answer_partly(data, show, error)


def remove(run: Run, name: NameArgument) -> None:
    """Delete weights that were fetched.

    Example: mivactl weights remove segmenter
    """
    from mivactl.operations.weight_sets import remove_weights

    freed = remove_weights(name, run.session)
    data = {"removed": name, "freed_bytes": freed}
    run.answer(data, lambda: run.console.line(f"{name} removed, {words.size(freed)} freed"))
