"""`mivactl weights`: models that are no bases, such as those of metrics."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mivactl.cli.console import Column
from mivactl.cli.run import Run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mivactl.operations.fetch_metric_weights import FetchedWeights

_COLUMNS = (Column("weights"), Column("state"), Column("licence"), Column("what"))


def fetch(
    run: Run,
    name: Annotated[str, typer.Argument(metavar="SET", help="`bench`: the models of published metrics.")],
    *,
    source: Annotated[
        Path | None, typer.Option("--from", metavar="DIR", help="Take files from a folder; fetch nothing.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Bring also what is here.")] = False,
) -> None:
    """Bring weights to this machine; their licences are their publishers'.

    Example: mivactl weights fetch bench
    """
    from mivactl.operations.fetch_metric_weights import fetch_metric_weights, metric_weights_folder
    from registry_schema.errors import Incomplete

    _require_known(name)
    results = fetch_metric_weights(run.session, source=source, again=again, progress=run.progress)
    data = {"folder": metric_weights_folder(run.session), "weights": results}
    missing = [result for result in results if result.state == "missing"]
    for result in missing:
        run.console.warn(f"{result.name}: {result.reason}")
    if not missing:
        run.answer(data, lambda: _show(run, results))
        return
    error = Incomplete(
        f"{len(missing)} of {len(results)} weights are not here; the metrics that need them are left out",
        hint="run it again, or pass `--from DIR` with the files",
    )
    run.answer_partly(data, lambda: _show(run, results), error)


def list_(
    run: Run,
    name: Annotated[str, typer.Argument(metavar="[SET]", help="`bench`: the models of published metrics.")] = "bench",
) -> None:
    """List weights, and which are on this machine.

    Example: mivactl weights list
    """
    from mivactl.operations.fetch_metric_weights import list_metric_weights, metric_weights_folder

    _require_known(name)
    results = list_metric_weights(run.session)
    run.answer({"folder": metric_weights_folder(run.session), "weights": results}, lambda: _show(run, results))


def _require_known(name: str) -> None:
    from registry_schema.errors import NotFound

    if name != "bench":
        raise NotFound(f"no weights called `{name}`", hint="there is `bench`")


def _show(run: Run, results: "Sequence[FetchedWeights]") -> None:
    run.console.table(_COLUMNS, [(one.name, one.state, one.licence, one.title) for one in results])
