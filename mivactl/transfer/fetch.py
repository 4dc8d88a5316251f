"""Bring files whose digest and size are known, going on where an earlier attempt stopped, several at once."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

from mivactl.content import content_of_file
from mivactl.disk import disk_errors, require_space
from mivactl.engine_bridge import SilentProgress
from mivactl.transfer.arrival import Arrival
from mivactl.transfer.meter import FileMeter, download_phase
from mivactl.transfer.retries import Retries

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mivactl.content import Content
    from mivactl.engine_bridge import Progress
    from mivactl.transfer.meter import Meter
    from mivactl.transfer.parts import PartFolder
    from mivactl.transfer.ranged_source import RangedSource

_AT_ONCE: Final = 4
_GOODBYE_SECONDS: Final = 2.0


@dataclass(frozen=True)
class Download:
    """A file to bring, and where from."""

    content: Content
    source: RangedSource


def fetch(
    download: Download, folder: PartFolder, *, progress: Progress | None = None, retries: Retries | None = None
) -> Path:
    """The complete file in `folder`, its digest checked.

    It stays there until somebody removes it: whoever has put it into the store. Who finds it gone asks again.

    Raises:
        IntegrityProblem: the source has other bytes; none of them is kept.
        NetworkProblem: it did not come, after all tries; what came is kept for the next call.
        NotFound, AuthProblem, Refused, UsageProblem: as `RangedSource.open`.
        ResourceProblem: not enough space.
        Incomplete: another process took the file over.
    """
    return fetch_all((download,), folder, progress=progress, retries=retries)[0]


def fetch_all(
    downloads: Sequence[Download],
    folder: PartFolder,
    *,
    progress: Progress | None = None,
    retries: Retries | None = None,
) -> tuple[Path, ...]:
    """The complete files, in the order of `downloads`; four are brought at once.

    The first that fails stops the others; what has come of them is kept.

    Raises:
        MivaError: as `fetch`.
    """
    each = {download.content.digest: download for download in downloads}
    waiting: SimpleQueue[Download] = SimpleQueue()
    for download in each.values():
        waiting.put(download)
    failures: list[BaseException] = []
    stop = Event()
    with download_phase((one.content for one in each.values()), progress or SilentProgress()) as meter:

        def work() -> None:
            try:
                with suppress(Empty):
                    while not stop.is_set():
                        _fetch_one(waiting.get_nowait(), folder, meter, retries or Retries(), stop)
            except BaseException as error:
                failures.append(error)
                stop.set()

        _run([Thread(target=work, daemon=True) for _ in range(min(_AT_ONCE, len(each)))], stop)
    if failures:
        raise failures[0]
    return tuple(folder.complete(download.content.digest) for download in downloads)


def _run(threads: Sequence[Thread], stop: Event) -> None:
    """Run all of them to their end; if this thread is interrupted or one failed, give them a moment to tidy up.

    One that hears nothing from its server does not hold up the rest: it tidies up when it wakes, and what it would
    leave at the end of the process is adopted by the next.
    """
    for thread in threads:
        thread.start()
    try:
        while any(thread.is_alive() for thread in threads) and not stop.wait(0.0):
            for thread in threads:
                thread.join(0.05)
    finally:
        stop.set()
        for thread in threads:
            thread.join(_GOODBYE_SECONDS)


def _fetch_one(download: Download, folder: PartFolder, meter: Meter, retries: Retries, stop: Event) -> None:
    content = download.content
    target = folder.complete(content.digest)
    file_meter = FileMeter(meter)
    with folder.turn(content.digest):
        if not _is_there(target, content):
            with folder.claimed(content.digest) as part:
                require_space(folder.folder, max(content.size_bytes - part.length_bytes, 0))
                Arrival(content, download.source, part, meter=file_meter, retries=retries, stop=stop).complete()
                part.place(target)
    file_meter.reached(content.size_bytes)


def _is_there(target: Path, content: Content) -> bool:
    """Whether the file is complete; one that holds something else goes away."""
    with disk_errors(target):
        try:
            found = content_of_file(target, content.label)
        except FileNotFoundError:
            return False
        if found != content:
            target.unlink(missing_ok=True)
        return found == content
