"""From a command function to a Typer command: adds the switches every command takes, and gives it its `Run`.

Annotations in this folder are read at run time by Typer, so the files with commands do without postponed evaluation.
"""

import inspect
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from mivactl.cli.console import Console
from mivactl.cli.run import Flags, Run
from mivactl.network_guard import network_guard
from registry_schema.errors import Interrupted

_PANEL = "Every command"
JsonSwitch = Annotated[bool, typer.Option("--json", help="Print one JSON envelope.", rich_help_panel=_PANEL)]
QuietSwitch = Annotated[bool, typer.Option("--quiet", "-q", help="Print no notes.", rich_help_panel=_PANEL)]
OfflineSwitch = Annotated[bool, typer.Option("--offline", help="Use no network at all.", rich_help_panel=_PANEL)]
DebugSwitch = Annotated[bool, typer.Option("--debug", help="Show where an error comes from.", rich_help_panel=_PANEL)]
VerboseSwitch = Annotated[
    int,
    typer.Option(
        "--verbose",
        "-v",
        count=True,
        show_default=False,
        help="Show what libraries log; `-vv` all of it, `-vvv` tracebacks too.",
        rich_help_panel=_PANEL,
    ),
]
_SWITCHES = {
    "json": JsonSwitch,
    "quiet": QuietSwitch,
    "offline": OfflineSwitch,
    "debug": DebugSwitch,
    "verbose": VerboseSwitch,
}


def flags_among(arguments: Sequence[str]) -> Flags:
    """The switches in a command line that could not be parsed, to report that in the way asked for."""
    before = list(arguments)[: arguments.index("--")] if "--" in arguments else arguments
    verbose = sum(len(word) - 1 for word in before if re.fullmatch("-v+", word)) + list(before).count("--verbose")
    return Flags(
        json="--json" in before,
        quiet="--quiet" in before or "-q" in before,
        debug="--debug" in before,
        verbose=verbose,
    )


def with_run(name: str, function: Callable[..., None]) -> Callable[..., None]:
    """`function(run, ...)` as Typer wants it: without `run`, with the switches, under the offline guard."""

    def command(context: typer.Context, **options: Any) -> None:  # noqa: ANN401
        flags = Flags(**{switch: options.pop(switch) for switch in _SWITCHES})
        root = context.find_root().obj
        flags = flags.joined(root) if isinstance(root, Flags) else flags
        run = Run(name, flags, Console(as_json=flags.json, quiet=flags.quiet))
        try:
            with _logging(run.console, flags.verbose):
                _call(function, run, options)
        except KeyboardInterrupt as error:
            raise Interrupted("stopped by Ctrl-C", hint="nothing is half done; run it again") from error

    command.__doc__ = function.__doc__
    command.__name__ = function.__name__
    parameters = _parameters(function)
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def _call(function: Callable[..., None], run: Run, options: dict[str, Any]) -> None:
    with network_guard(offline=run.settings.offline), _libraries_offline(offline=run.settings.offline):
        function(run, **options)


@contextmanager
def _logging(console: Console, verbose: int) -> Iterator[None]:
    """Print what is logged: mivactl's own warnings; if asked for, what libraries tell on stderr as well.

    Who calls mivactl from Python decides that for itself.
    """
    import logging

    class Shown(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            console.warn(record.getMessage())

    log = logging.getLogger("mivactl")
    handler: logging.Handler = Shown(logging.WARNING)
    if verbose:
        log, handler = logging.getLogger(), logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    before = log.level
    log.addHandler(handler)
    if verbose:
        log.setLevel(logging.INFO if verbose == 1 else logging.DEBUG)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(before)


@contextmanager
def _libraries_offline(*, offline: bool) -> Iterator[None]:
    """Tell huggingface_hub as well, which would otherwise wait for a network that is not there."""
    before = os.environ.get("HF_HUB_OFFLINE")
    if offline:
        os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        yield
    finally:
        if offline and before is None:
            del os.environ["HF_HUB_OFFLINE"]


def _parameters(function: Callable[..., None]) -> list[inspect.Parameter]:
    keyword = inspect.Parameter.KEYWORD_ONLY
    own = list(inspect.signature(function).parameters.values())[1:]
    return [
        inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context),
        *(parameter.replace(kind=keyword) for parameter in own),
        *(
            inspect.Parameter(name, keyword, default=0 if name == "verbose" else False, annotation=kind)
            for name, kind in _SWITCHES.items()
        ),
    ]
