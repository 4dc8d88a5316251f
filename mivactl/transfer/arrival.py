"""`Arrival`: how the bytes of one file come, in as many pieces as the network makes of it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from mivactl.transfer.ranged_source import WrongRange
from mivactl.transfer.retries import Transient
from registry_schema.errors import IntegrityProblem, Interrupted

if TYPE_CHECKING:
    from threading import Event

    from mivactl.content import Content
    from mivactl.transfer.meter import FileMeter
    from mivactl.transfer.parts import Part
    from mivactl.transfer.ranged_source import RangedSource, RangedStream
    from mivactl.transfer.retries import Retries

_WORTH_BYTES: Final = 1 << 20
"""What a try must bring to start the count of failures anew: less, and a server could keep us for ever."""


class _Poisoned(IntegrityProblem):
    """What came is not the file."""


class Arrival:
    """One file on its way into `part`.

    Args:
        stop: set by another thread that wants no more of it.
    """

    def __init__(
        self, content: Content, source: RangedSource, part: Part, *, meter: FileMeter, retries: Retries, stop: Event
    ) -> None:
        self._content = content
        self._source = source
        self._part = part
        self._meter = meter
        self._retries = retries
        self._stop = stop
        self._etag: str | None = None
        self._hasher = hashlib.sha256()

    def complete(self) -> None:
        """Bring what is missing; the part has exactly the bytes of the file afterwards.

        Raises:
            IntegrityProblem: even from the beginning other bytes came; the part is empty.
            NetworkProblem: it did not come, after all tries; the part holds what did.
            NotFound, AuthProblem, Refused, UsageProblem, ResourceProblem: as `fetch`.
        """
        try:
            self._bring()
        except _Poisoned as error:
            self._start_again(error.message)
            try:
                self._bring()
            except _Poisoned:
                self._part.restart()
                raise

    def _bring(self) -> None:
        if self._part.length_bytes > self._content.size_bytes:
            self._part.restart()
        self._hasher = hashlib.sha256()
        for chunk in self._part.chunks():
            self._hasher.update(chunk)
        self._meter.reached(self._part.length_bytes)
        failures = 0
        while self._part.length_bytes < self._content.size_bytes:
            before_bytes = self._meter.furthest_bytes
            try:
                self._receive()
            except Transient as error:
                failures = 1 if self._meter.furthest_bytes - before_bytes >= _WORTH_BYTES else failures + 1
                self._retries.pause(failures, error)
            except WrongRange as error:
                if not self._part.length_bytes:
                    raise
                self._start_again(error.message)
        found = f"sha256:{self._hasher.hexdigest()}"
        if found != str(self._content.digest):
            raise self._poisoned(f"digest is `{found}`, its manifest states `{self._content.digest}`")

    def _receive(self) -> None:
        """Append what one answer brings."""
        with self._source.open(self._part.length_bytes, self._etag) as stream:
            self._fit(stream)
            self._etag = stream.etag
            for chunk in stream.chunks:
                if self._stop.is_set():
                    raise Interrupted("stopped because another download failed", hint="run the same command again")
                if self._part.length_bytes + len(chunk) > self._content.size_bytes:
                    raise self._poisoned(f"more than the `{self._content.size_bytes}` bytes its manifest states")
                self._part.append(chunk)
                self._hasher.update(chunk)
                self._meter.reached(self._part.length_bytes)
        if self._part.length_bytes < self._content.size_bytes:
            raise Transient(
                f"`{self._source.place}` ended after {self._part.length_bytes} of {self._content.size_bytes} bytes",
                hint="run the same command again: it goes on where it stopped",
            )

    def _fit(self, stream: RangedStream) -> None:
        """Make the part end where `stream` begins.

        Raises:
            WrongRange: it begins elsewhere, or in another file than before.
            IntegrityProblem: the file at the source has another size.
        """
        size, length = self._content.size_bytes, self._part.length_bytes
        if stream.total is not None and stream.total != size:
            raise IntegrityProblem(
                f"{self._content.label} from `{self._source.place}`: `{stream.total}` bytes, "
                f"its manifest states `{size}`",
                hint="the registry's copy is damaged, or something else answers in its place; "
                "tell its owner, or take another version",
            )
        if stream.offset not in {0, length}:
            raise WrongRange(f"`{self._source.place}` begins at byte {stream.offset}, expected {length}")
        if stream.offset and self._etag and stream.etag and stream.etag != self._etag:
            raise WrongRange(f"`{self._source.place}` changed in the middle")
        if length and not stream.offset:
            self._start_again(f"`{self._source.place}` gives the whole file only")

    def _start_again(self, why: str) -> None:
        self._meter.note(f"{self._content.label}: starting again, because {why}")
        self._part.restart()
        self._hasher = hashlib.sha256()
        self._etag = None

    def _poisoned(self, what: str) -> _Poisoned:
        return _Poisoned(
            f"{self._content.label} from `{self._source.place}`: {what}",
            hint="the file changed after publishing, or on its way; do not use it, take another version",
        )
