"""Progress on stderr: bars on a terminal, a line every ten seconds elsewhere, nothing for `--quiet` and `--json`."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mivactl.cli.console import Console

_LINE_EVERY_SECONDS: Final = 10.0
_WARNING: Final = "warning: "


class ConsolePhase(Protocol):
    """A phase under way, as `engine.progress.Phase` wants it."""

    def advance(self, n: int = 1, **facts: float | str) -> None:
        """Count `n` more; show `facts` beside it."""


class ConsoleProgress:
    """An `engine.progress.Progress` that a person can watch."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._silent = console.quiet or console.as_json
        self._bars = _Bars() if sys.stderr.isatty() and not self._silent else None

    @contextmanager
    def phase(self, name: str, total: int | None) -> Iterator[ConsolePhase]:
        """Show the phase `name` of `total` steps until the block ends."""
        if self._bars is not None:
            with self._bars.phase(name, total) as phase:
                yield phase
        else:
            phase_in_lines = _LinePhase(name, total, None if self._silent else self._console)
            yield phase_in_lines
            phase_in_lines.end()

    def note(self, text: str) -> None:
        """One sentence for the person who waits; one that begins with `warning: ` is shown under `--quiet` too."""
        if text.startswith(_WARNING):
            self._console.warn(text.removeprefix(_WARNING))
        else:
            self._console.note(text)


class _LinePhase:
    """Prints where it stands every ten seconds, and how long it took if that was noticeable."""

    def __init__(self, name: str, total: int | None, console: Console | None) -> None:
        self._name = name
        self._total = total
        self._console = console
        self._count = 0
        self._started = self._printed = time.monotonic()

    def advance(self, n: int = 1, **facts: float | str) -> None:
        self._count += n
        now = time.monotonic()
        if now - self._printed >= _LINE_EVERY_SECONDS:
            self._printed = now
            self._print(self._position(now - self._started), facts)

    def end(self) -> None:
        seconds = time.monotonic() - self._started
        if seconds >= _LINE_EVERY_SECONDS:
            self._print(f"done in {seconds:.0f} s", {})

    def _position(self, seconds: float) -> str:
        if self._total is None:
            return f"{self._count} done"
        left = seconds / max(self._count, 1) * max(self._total - self._count, 0)
        return f"{self._count}/{self._total}, about {left:.0f} s left"

    def _print(self, text: str, facts: dict[str, float | str]) -> None:
        if self._console is not None:
            self._console.note(f"{self._name}: {', '.join([text, *(_fact(*pair) for pair in facts.items())])}")


class _Bars:
    """Rich bars for the phases under way; the display ends with the last of them."""

    def __init__(self) -> None:
        self._display: Any = None
        self._open = 0

    @contextmanager
    def phase(self, name: str, total: int | None) -> Iterator[ConsolePhase]:
        display = self._start()
        task = display.add_task(name, total=total, facts="")
        try:
            yield _BarPhase(display, task)
        finally:
            self._open -= 1
            display.remove_task(task)
            if self._open == 0:
                display.stop()
                self._display = None

    def _start(self) -> Any:  # noqa: ANN401
        from rich import progress
        from rich.console import Console as RichConsole

        if self._display is None:
            self._display = progress.Progress(
                progress.TextColumn("{task.description}", markup=False),
                progress.BarColumn(),
                progress.MofNCompleteColumn(),
                progress.TimeRemainingColumn(compact=True),
                progress.TextColumn("{task.fields[facts]}", markup=False),
                console=RichConsole(file=sys.stderr),
                transient=True,
            )
            self._display.start()
        self._open += 1
        return self._display


class _BarPhase:
    def __init__(self, display: Any, task: Any) -> None:  # noqa: ANN401
        self._display = display
        self._task = task

    def advance(self, n: int = 1, **facts: float | str) -> None:
        if facts:
            self._display.update(self._task, facts=", ".join(_fact(*pair) for pair in facts.items()))
        self._display.advance(self._task, n)


def _fact(name: str, value: float | str) -> str:
    return f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
