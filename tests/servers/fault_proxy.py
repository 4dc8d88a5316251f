"""A proxy in front of a real server that does to its answers what bad networks, caches and attackers do."""

from __future__ import annotations

import gzip
import http.client
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.servers.blob_server import LoopbackServer, QuietHandler, Seen

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Iterator

_PIECE_BYTES = 1 << 16
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What is wrong with one answer. Positions count from the first byte of its body.

    Args:
        cut_at: the connection ends there.
        stall_at: nothing more comes from there on, the connection stays.
        drip_seconds: pause after each single byte.
        flip_at: the byte there is another one.
        whole: a `Range` is not heard: 200 and all of the file.
        gzip: the body is compressed, and says so.
        longer: `Content-Length` promises so many bytes more than come, or fewer if negative.
        extra: bytes after the end, in a body without a length.
        etag: in place of the server's; "" takes it away.
        content_range: in place of the server's.
        redirect: 302 to there instead of an answer.
        status: this one instead of an answer, with `retry_after`.
        hang_up: the connection ends without an answer.
    """

    cut_at: int | None = None
    stall_at: int | None = None
    drip_seconds: float | None = None
    flip_at: int | None = None
    whole: bool = False
    gzip: bool = False
    longer: int = 0
    extra: bytes = b""
    etag: str | None = None
    content_range: str | None = None
    redirect: str | None = None
    redirect_status: int = 302
    status: int | None = None
    retry_after: str | None = None
    hang_up: bool = False


class FaultProxy(LoopbackServer):
    """Passes requests on to `upstream`.

    Attributes:
        faults: one for each of the next requests; None for a good answer.
        always: for requests when `faults` is empty.
        sent_bytes: of bodies, in all answers of the server.
    """

    def __init__(
        self,
        upstream: str,
        faults: Iterable[Fault | None] = (),
        *,
        always: Fault | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(_FaultHandler, tls)
        self.upstream = upstream
        self.faults = deque(faults)
        self.always = always
        self.sent_bytes = 0
        self.over = threading.Event()
        self.lock = threading.Lock()

    def next_fault(self) -> Fault:
        with self.lock:
            return (self.faults.popleft() if self.faults else self.always) or Fault()

    def __exit__(self, *problem: object) -> None:
        self.over.set()
        super().__exit__(*problem)


class _FaultHandler(QuietHandler):
    owner: FaultProxy

    def answer(self, seen: Seen) -> None:
        fault = self.owner.next_fault()
        if fault.hang_up:
            self.close_connection = True
        elif fault.redirect is not None:
            self.send(fault.redirect_status, b"moved", Location=fault.redirect)
        elif fault.status is not None:
            wait = {"Retry_After": fault.retry_after} if fault.retry_after else {}
            self.send(fault.status, b"<h1>no</h1>", **wait)
        else:
            self._pass_on(seen, fault)

    def _pass_on(self, seen: Seen, fault: Fault) -> None:
        unheard = {"range", "if-range"} if fault.whole else set()
        headers = {name: value for name, value in seen.headers.items() if name.lower() not in unheard | {"host"}}
        upstream = http.client.HTTPConnection(urlsplit(self.owner.upstream).netloc, timeout=30)
        try:
            upstream.request(seen.method, seen.path, body=seen.body or None, headers=headers)
            answer = upstream.getresponse()
            self._head(answer, fault)
            if seen.method != "HEAD":
                self._body(answer, fault)
        finally:
            upstream.close()

    def _head(self, answer: http.client.HTTPResponse, fault: Fault) -> None:
        self.send_response(answer.status)
        replaced = {"etag": fault.etag, "content-range": fault.content_range}
        for name, value in answer.getheaders():
            if name.lower() not in _HOP_BY_HOP and replaced.get(name.lower()) is None:
                self.send_header(name, value)
        for name, new in replaced.items():
            if new:
                self.send_header(name, new)
        if fault.gzip:
            self.send_header("Content-Encoding", "gzip")
        if fault.gzip or fault.extra or answer.length is None:
            self.close_connection = True
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(answer.length + fault.longer))
        self.end_headers()

    def _body(self, answer: http.client.HTTPResponse, fault: Fault) -> None:
        sent = 0
        for piece in _pieces(answer, fault):
            stops = [stop - sent for stop in (fault.cut_at, fault.stall_at) if stop is not None]
            self._send_piece(piece[: min(stops, default=len(piece))], fault)
            sent += len(piece)
            if min(stops, default=len(piece) + 1) <= len(piece):
                break
        else:
            self.close_connection = self.close_connection or fault.longer != 0
            return
        if fault.stall_at is not None:
            self.owner.over.wait(60)
        self.close_connection = True

    def _send_piece(self, piece: bytes, fault: Fault) -> None:
        pieces = [piece] if fault.drip_seconds is None else [bytes([byte]) for byte in piece]
        for part in pieces:
            self.wfile.write(part)
            with self.owner.lock:
                self.owner.sent_bytes += len(part)
            if fault.drip_seconds is not None:
                time.sleep(fault.drip_seconds)


def _pieces(answer: http.client.HTTPResponse, fault: Fault) -> Iterator[bytes]:
    """The body in pieces, changed."""
    if fault.gzip:
        yield gzip.compress(answer.read(), mtime=0)
        return
    position = 0
    while piece := answer.read(_PIECE_BYTES):
        if fault.flip_at is not None and position <= fault.flip_at < position + len(piece):
            place = fault.flip_at - position
            piece = piece[:place] + bytes([piece[place] ^ 1]) + piece[place + 1 :]
        position += len(piece)
        yield piece
    if fault.extra:
        yield fault.extra
