"""What may pass when it is tried again, and how long to wait before that."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from registry_schema.errors import NetworkProblem

if TYPE_CHECKING:
    from collections.abc import Callable

_Value = TypeVar("_Value")


class Transient(NetworkProblem):
    """A failure of the network that may pass.

    Args:
        after_seconds: how long the server asks to be left alone; None if it said nothing.
    """

    def __init__(self, message: str, *, hint: str | None = None, after_seconds: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.after_seconds = after_seconds


@dataclass(frozen=True, kw_only=True)
class Retries:
    """How often something is tried, and the pauses between: doubled each time, and of random length.

    Attributes:
        tries: all of them, the first one included.
        first_seconds: the longest first pause.
        longest_seconds: the longest pause of our own choice.
        longest_asked_seconds: the longest pause that a server may ask for; it asks for more: no further try.
        sleep: how to wait.
        chance: a random number from 0 to 1.
    """

    tries: int = 5
    first_seconds: float = 0.5
    longest_seconds: float = 20.0
    longest_asked_seconds: float = 60.0
    sleep: Callable[[float], object] = time.sleep
    chance: Callable[[], float] = random.random

    def run(self, attempt: Callable[[], _Value]) -> _Value:
        """What `attempt` returns; a `Transient` is raised when it was the last one."""
        failures = 0
        while True:
            try:
                return attempt()
            except Transient as error:
                failures += 1
                self.pause(failures, error)

    def pause(self, failures: int, error: Transient) -> None:
        """Wait after the `failures`-th failure in a row, or raise it when it was the last one."""
        asked_seconds = error.after_seconds or 0.0
        if failures >= self.tries or asked_seconds > self.longest_asked_seconds:
            raise error
        longest = min(self.longest_seconds, self.first_seconds * 2 ** (failures - 1))
        # at least half of it, so that many clients spread out and none hurries
        self.sleep(max(asked_seconds, longest * (0.5 + 0.5 * self.chance())))
