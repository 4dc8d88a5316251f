"""`Reply`: what a server answered, its body still on the way."""

from __future__ import annotations

import email.utils
import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from mivactl.transfer.address import shown_url
from mivactl.transfer.network_errors import network_errors, proxy_problem
from mivactl.transfer.patience import SpeedWatch
from mivactl.transfer.retries import Transient
from registry_schema.errors import AuthProblem, IntegrityProblem, MivaError
from registry_schema.text import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from urllib3 import BaseHTTPResponse

    from mivactl.transfer.patience import Patience

_CHUNK_BYTES: Final = 1 << 18
_SETTLED_SECONDS: Final = 2.0
_DRAINED_BYTES: Final = 1 << 16
_PASSING: Final = frozenset({408, 425, 429})
_NEVER: Final = frozenset({501, 505})


class Denied(AuthProblem):
    """The server wants (other) credentials.

    Args:
        status: 401 or 403.
        challenge: its `WWW-Authenticate`, which says what it wants; written by the server, never to be printed.
    """

    def __init__(self, message: str, *, hint: str, status: int, challenge: str | None) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.challenge = challenge


class Reply:
    """What a server answered.

    Attributes:
        url: who answered after all redirects.
        headers: names in any case.

    Args:
        knows: whether credentials were sent along.
    """

    def __init__(self, response: BaseHTTPResponse, url: str, *, patience: Patience, knows: bool) -> None:
        self.url = url
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers
        self._response = response
        self._patience = patience
        self._knows = knows

    @property
    def place(self) -> str:
        """The address as a message may show it."""
        return shown_url(self.url)

    @property
    def etag(self) -> str | None:
        """Its `ETag`, where it is one (RFC 9110, 8.8.3)."""
        return valid_etag(self.headers.get("ETag"))

    @property
    def is_settled(self) -> bool:
        """Whether its `ETag` can stand for this content alone.

        Many servers make it of length and time in whole seconds: what was written just now may be written again within
        the same second (RFC 9110, 8.8.2.2).
        """
        written, now = _moment(self.headers.get("Last-Modified", "")), _moment(self.headers.get("Date", ""))
        return written is None or now is None or now - written >= _SETTLED_SECONDS

    @property
    def length_bytes(self) -> int | None:
        """How long the whole body is said to be; None if nobody says."""
        text = self.headers.get("Content-Length", "")
        return int(text) if text.isdecimal() and len(text) < 19 else None

    def chunks(self, *, deadline_seconds: float | None = None) -> Iterator[bytes]:
        """The body as it comes.

        Raises:
            Transient: it breaks off, stalls or comes too slowly.
            IntegrityProblem: it is compressed, though nobody asked for that.
        """
        self._require_plain()
        watch = SpeedWatch(self._patience, self.place, deadline_seconds=deadline_seconds)
        while True:
            with network_errors(self.url):
                chunk = self._response.read1(_CHUNK_BYTES)
            if not chunk:
                return
            watch.came(len(chunk))
            yield chunk

    def read(self, max_bytes: int) -> bytes:
        """All of a small body.

        Raises:
            IntegrityProblem: it is longer than `max_bytes`; and as `chunks`.
            Transient: nobody could tell whether it was cut; and as `chunks`.
        """
        self._require_plain()
        self._require_end()
        content = bytearray()
        # 0 after HEAD, whose Content-Length is that of another answer
        too_long = (self._response.length_remaining or 0) > max_bytes
        if not too_long:
            for chunk in self.chunks(deadline_seconds=self._patience.document_seconds):
                content += chunk
                if len(content) > max_bytes:
                    too_long = True
                    break
        if too_long:
            raise IntegrityProblem(
                f"`{self.place}` has more than the `{max_bytes}` bytes allowed there", hint="tell the registry's owner"
            )
        return bytes(content)

    def _require_plain(self) -> None:
        encoding = self.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding not in {"identity", ""}:
            raise IntegrityProblem(
                f"`{self.place}` answered with bytes encoded as `{shown(encoding)}`, expected them as they are",
                hint="the server, or something in between, changes files; ask its owner to switch compression off",
            )

    def _require_end(self) -> None:
        """Make sure that a body which is cut is noticed."""
        is_chunked = self.headers.get("Transfer-Encoding", "").strip().lower() == "chunked"
        if self._response.length_remaining is None and not is_chunked:
            raise Transient(
                f"`{self.place}` answered without saying how long its answer is",
                hint="the connection broke, or the server is too old; run the same command again",
            )

    def require_answer(self) -> None:
        """Raise what a status means that is no answer to the question.

        Raises:
            Denied: 401 or 403.
            AuthProblem: a proxy wants to know who asks.
            Transient: the server is busy or broken.
        """
        if self.status in {401, 403}:
            raise self._denied()
        if self.status == 407:
            raise proxy_problem(self.status, self.place)
        if self.status in _PASSING or (self.status >= 500 and self.status not in _NEVER):
            after_seconds = _seconds_to_wait(self.headers.get("Retry-After"))
            asks = f" and asks to wait {after_seconds:.0f} s" if after_seconds else ""
            raise Transient(
                f"`{self.place}` answered HTTP {self.status}{asks}",
                hint="the server is busy or broken; run the same command later",
                after_seconds=after_seconds,
            )

    def _denied(self) -> Denied:
        return Denied(
            f"`{self.place}` may not be used with these credentials (HTTP {self.status})"
            if self._knows
            else f"`{self.place}` wants to know who asks (HTTP {self.status})",
            hint="log in with an account that may do this",
            status=self.status,
            challenge=self.headers.get("WWW-Authenticate"),
        )

    def close(self) -> None:
        """Let go of the connection: for the next request if the body is at its end or short, else for good."""
        with suppress(MivaError):
            if self.status >= 300 and (self.length_bytes or 0) <= _DRAINED_BYTES:
                self.read(_DRAINED_BYTES)
        if not self._response.closed:
            self._response.close()
        self._response.release_conn()


def valid_etag(text: str | None) -> str | None:
    """`text`, if it is an entity tag that a header can carry (RFC 9110, 8.8.3)."""
    return text if re.fullmatch(r'(W/)?"[\x21\x23-\x7e]{0,200}"', text or "") else None


def _seconds_to_wait(retry_after: str | None) -> float | None:
    """What `Retry-After` asks for, in seconds or as a date (RFC 9110, 10.2.3)."""
    text = (retry_after or "").strip()
    if text.isdecimal() and len(text) < 10:
        return float(text)
    moment = _moment(text)
    return None if moment is None else max(0.0, moment - time.time())


def _moment(text: str) -> float | None:
    """A date (RFC 9110, 5.6.7) in seconds of the epoch."""
    try:
        return email.utils.parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
