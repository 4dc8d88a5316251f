"""`Meter`: what has come of several files, told to one phase in whole megabytes; it never goes back."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mivactl.content import Content
    from mivactl.engine_bridge import Phase, Progress

_MEGABYTE: Final = 1_000_000


class Meter:
    """Adds up what threads receive."""

    def __init__(self, phase: Phase, progress: Progress) -> None:
        self._phase = phase
        self._progress = progress
        self._lock = Lock()
        self._came_bytes = 0

    def add(self, count_bytes: int) -> None:
        """Count `count_bytes` more."""
        with self._lock:
            megabytes = _megabytes(self._came_bytes + count_bytes) - _megabytes(self._came_bytes)
            self._came_bytes += count_bytes
            if megabytes:
                self._phase.advance(megabytes)

    def note(self, text: str) -> None:
        """One sentence for the person who waits."""
        with self._lock:
            self._progress.note(text)


class FileMeter:
    """How far one file has come; a file that starts again counts once it is further than before."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self.furthest_bytes = 0

    def reached(self, position_bytes: int) -> None:
        """The file is here up to `position_bytes`."""
        if position_bytes > self.furthest_bytes:
            self._meter.add(position_bytes - self.furthest_bytes)
            self.furthest_bytes = position_bytes

    def note(self, text: str) -> None:
        """See `Meter`."""
        self._meter.note(text)


@contextmanager
def download_phase(contents: Iterable[Content], progress: Progress) -> Iterator[Meter]:
    """A phase for the download of all of `contents`."""
    total_bytes = sum(content.size_bytes for content in contents)
    with progress.phase("downloading, in MB", _megabytes(total_bytes)) as phase:
        yield Meter(phase, progress)


def _megabytes(count_bytes: int) -> int:
    return -(-count_bytes // _MEGABYTE)
