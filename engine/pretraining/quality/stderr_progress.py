"""Progress for who waits at a terminal: one line on stderr for each phase, with the time left."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.progress import Phase

LINE_EVERY_SECONDS: Final = 15.0


class StderrProgress:
    """An `engine.progress.Progress`: a line that is written over on a terminal, a new one now and then elsewhere."""

    @contextmanager
    def phase(self, name: str, total: int | None) -> Iterator[Phase]:
        """Show the phase until the block ends."""
        phase = _StderrPhase(name, total)
        yield phase
        phase.end()

    def note(self, text: str) -> None:
        """One sentence on a line of its own."""
        sys.stderr.write(f"{text}\n")


class _StderrPhase:
    def __init__(self, name: str, total: int | None) -> None:
        self._name, self._total, self._count = name, total, 0
        self._began = self._shown = time.monotonic()
        self._terminal = sys.stderr.isatty()

    def advance(self, n: int = 1, **facts: float | str) -> None:
        """Count on; show where it stands if it is time to."""
        self._count += n
        now = time.monotonic()
        if self._terminal or now - self._shown >= LINE_EVERY_SECONDS:
            self._shown = now
            told = [
                f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}" for key, value in facts.items()
            ]
            self._write(", ".join([f"{self._count}/{self._total or '?'}", self._left(now), *told]))

    def end(self) -> None:
        """Say how long it took."""
        self._write(f"{self._count} in {_clock(time.monotonic() - self._began)}")
        if self._terminal:
            sys.stderr.write("\n")

    def _left(self, now: float) -> str:
        if self._total is None:
            return f"{_clock(now - self._began)} so far"
        seconds = (now - self._began) / self._count * max(self._total - self._count, 0)
        return f"{_clock(seconds)} left"

    def _write(self, text: str) -> None:
        line = f"{self._name}: {text}"
        sys.stderr.write(f"\r\x1b[K{line}" if self._terminal else f"{line}\n")
        sys.stderr.flush()


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
