"""Connections of urllib3 that want the head of an answer whole, and in time.

A socket's own time limit starts anew with every byte: a server could send a header for days, or `100 Continue` without
end. And http.client takes a head that is cut for a whole one, a length of 12 for one of 1234.
"""

from __future__ import annotations

import http.client
import socket
from contextlib import contextmanager, suppress
from threading import Event, Timer
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader

    from urllib3 import HTTPResponse

_NO_LINE: Final = b"the end of the connection"


def watched_pools(seconds: float) -> dict[str, type[HTTPConnectionPool]]:
    """Pools by scheme whose connections wait `seconds` for the head of an answer."""

    class WatchedHttp(HTTPConnection):
        response_class = _WholeHead

        def getresponse(self) -> HTTPResponse:  # type: ignore[override]
            with _hung_up(self, seconds):
                return super().getresponse()

    class WatchedHttps(HTTPSConnection):
        response_class = _WholeHead

        def getresponse(self) -> HTTPResponse:  # type: ignore[override]
            with _hung_up(self, seconds):
                return super().getresponse()

    class HttpPool(HTTPConnectionPool):
        ConnectionCls = WatchedHttp

    class HttpsPool(HTTPSConnectionPool):
        ConnectionCls = WatchedHttps

    return {"http": HttpPool, "https": HttpsPool}


class _WholeHead(http.client.HTTPResponse):
    """An answer whose head ends with an empty line."""

    def begin(self) -> None:
        lines = _Lines(self.fp)
        self.fp = cast("BufferedReader", lines)
        try:
            super().begin()
        finally:
            if cast("object", self.fp) is lines:
                self.fp = cast("BufferedReader", lines.file)
        if lines.last not in {b"\r\n", b"\n"}:
            raise ConnectionResetError


class _Lines:
    """A file that remembers the line it gave last."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.last = _NO_LINE

    def readline(self, limit: int = -1) -> bytes:
        line = self.file.readline(limit)
        self.last = line or _NO_LINE
        return line

    def close(self) -> None:
        self.file.close()


@contextmanager
def _hung_up(connection: HTTPConnection, seconds: float) -> Iterator[None]:
    """Shut the connection down after `seconds`, unless the block ends before; raises `TimeoutError` then."""
    is_late = Event()

    def hang_up() -> None:
        is_late.set()
        if connection.sock is not None:
            with suppress(OSError):
                # the plain socket's: a TLS socket would wait for its lock first
                socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)

    timer = Timer(seconds, hang_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    except OSError as error:
        if is_late.is_set():
            raise TimeoutError from error
        raise
    finally:
        timer.cancel()
