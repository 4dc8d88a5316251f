"""`Patience`: how slow an answer may be, and `SpeedWatch`, which holds a body to it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mivactl.transfer.retries import Transient

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How slow an answer may be.

    Attributes:
        connect_seconds: until there is a connection.
        stall_seconds: without a single byte.
        answer_seconds: until the head of an answer is complete.
        window_seconds: how long bytes are counted before they are judged.
        least_bytes_per_second: what must come on average over a window.
        document_seconds: until a small document is here completely.
    """

    connect_seconds: float = 10.0
    stall_seconds: float = 30.0
    answer_seconds: float = 60.0
    window_seconds: float = 30.0
    least_bytes_per_second: int = 1024
    document_seconds: float = 300.0
    clock: Callable[[], float] = time.monotonic


class SpeedWatch:
    """Counts what comes of one body.

    Args:
        place: what to call the address in a message.
        deadline_seconds: until all of it must be here; None for large files, which have only their speed.
    """

    def __init__(self, patience: Patience, place: str, *, deadline_seconds: float | None) -> None:
        self._patience = patience
        self._place = place
        self._deadline_seconds = deadline_seconds
        self._started = self._window_started = patience.clock()
        self._window_bytes = 0

    def came(self, count_bytes: int) -> None:
        """Take note of `count_bytes` more.

        Raises:
            Transient: they come too slowly.
        """
        now = self._patience.clock()
        self._window_bytes += count_bytes
        if self._deadline_seconds is not None and now - self._started > self._deadline_seconds:
            raise self._too_slow(f"was not here after {self._deadline_seconds:g} s")
        seconds = now - self._window_started
        if seconds < self._patience.window_seconds:
            return
        speed, least = self._window_bytes / seconds, self._patience.least_bytes_per_second
        if speed < least:
            raise self._too_slow(f"came at {speed:.0f} bytes a second, expected at least {least}")
        self._window_started, self._window_bytes = now, 0

    def _too_slow(self, what: str) -> Transient:
        return Transient(
            f"`{self._place}` {what}", hint="the network or the server is too slow now; run the same command later"
        )
