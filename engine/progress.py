"""How long work reports: phases with a count, and notes. Free of torch, of terminals and of clocks."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager


class Phase(Protocol):
    """One stretch of work that is counted."""

    def advance(self, n: int = 1, **facts: float | str) -> None:
        """Count `n` more of the phase's total; `facts` are what is worth showing beside it (loss, seconds)."""


class Progress(Protocol):
    """Where work reports to. A command draws it, a test records it, `SilentProgress` drops it."""

    def phase(self, name: str, total: int | None) -> AbstractContextManager[Phase]:
        """A phase called `name` of `total` steps; None when nobody knows how many."""

    def note(self, text: str) -> None:
        """One sentence for the person who waits."""


class SilentPhase:
    """A phase that tells nobody."""

    def advance(self, n: int = 1, **facts: float | str) -> None:
        """Nothing happens."""


class SilentProgress:
    """A `Progress` that tells nobody."""

    @contextmanager
    def phase(self, name: str, total: int | None) -> Iterator[Phase]:
        """A silent phase."""
        yield SilentPhase()

    def note(self, text: str) -> None:
        """Nothing happens."""
