"""A proxy as companies have them: every name leads to one server on loopback; CONNECT and plain http; wants a login."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.servers.blob_server import LoopbackServer, QuietHandler, Seen

if TYPE_CHECKING:
    from http.client import HTTPResponse


class ForwardProxy(LoopbackServer):
    """Leads to 127.0.0.1:`port`; `wants` is the `Proxy-Authorization` it asks for."""

    def __init__(self, port: int, *, wants: str | None = None) -> None:
        super().__init__(_ForwardHandler)
        self.target_port = port
        self.wants = wants


class _ForwardHandler(QuietHandler):
    owner: ForwardProxy

    def answer(self, seen: Seen) -> None:
        if self._is_unknown():
            return
        import http.client

        address = urlsplit(seen.path)
        upstream = http.client.HTTPConnection("127.0.0.1", self.owner.target_port, timeout=30)
        headers = {name: value for name, value in seen.headers.items() if not name.lower().startswith("proxy-")}
        upstream.request(seen.method, address.path, body=seen.body or None, headers=headers)
        answer: HTTPResponse = upstream.getresponse()
        self.send(answer.status, answer.read())
        upstream.close()

    def do_CONNECT(self) -> None:  # noqa: N802
        self.owner.seen.append(Seen("CONNECT", self.path, dict(self.headers), b""))
        self.close_connection = True
        if self._is_unknown():
            return
        with socket.create_connection(("127.0.0.1", self.owner.target_port), timeout=30) as upstream:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=_copy, args=(upstream, self.connection), daemon=True)
            back.start()
            _copy(self.connection, upstream)
            back.join(5)

    def _is_unknown(self) -> bool:
        known = self.owner.wants is None or self.headers.get("Proxy-Authorization") == self.owner.wants
        if not known:
            self.send(407, Proxy_Authenticate='Basic realm="proxy"')
        return not known


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass
