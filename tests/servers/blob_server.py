"""A small web server that does what RFC 9110 says about ranges and entity tags; files are bytes in memory."""

from __future__ import annotations

import hashlib
import re
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping


@dataclass(frozen=True)
class Seen:
    """A request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class LoopbackServer:
    """Starts and stops a server of this process; `seen` are its requests."""

    def __init__(self, handler: type[BaseHTTPRequestHandler], tls: ssl.SSLContext | None = None) -> None:
        self.seen: list[Seen] = []
        self.scheme = "http" if tls is None else "https"
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (handler,), {"owner": self}))
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def port(self) -> int:
        return self._server.server_port

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def __enter__(self) -> Any:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class BlobServer(LoopbackServer):
    """Serves `files`, by path; takes PUT, PATCH, POST and DELETE; with `wants` it asks for that `Authorization`."""

    def __init__(self, files: Mapping[str, bytes], *, wants: str | None = None, tls: ssl.SSLContext | None = None):
        super().__init__(_BlobHandler, tls)
        self.files = dict(files)
        self.wants = wants


class QuietHandler(BaseHTTPRequestHandler):
    """Keeps connections open, writes no log, answers every method with `respond`."""

    protocol_version = "HTTP/1.1"
    owner: Any
    timeout = 60

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""

    def respond(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        seen = Seen(self.command, self.path, dict(self.headers), self.rfile.read(length))
        self.owner.seen.append(seen)
        self.answer(seen)

    def answer(self, seen: Seen) -> None:
        raise NotImplementedError

    def send(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = respond  # noqa: N815


class _BlobHandler(QuietHandler):
    def answer(self, seen: Seen) -> None:
        files, path = self.owner.files, seen.path.partition("?")[0]
        if self.owner.wants is not None and self.headers.get("Authorization") != self.owner.wants:
            self.send(401, b"who?", WWW_Authenticate='Basic realm="here"')
        elif seen.method in {"PUT", "POST", "PATCH"}:
            files[path] = (files.get(path, b"") if seen.method == "PATCH" else b"") + seen.body
            self.send(201, b"made", Location=path)
        elif path not in files:
            self.send(404, b"no such file")
        elif seen.method == "DELETE":
            del files[path]
            self.send(204)
        else:
            self._read(files[path])

    def _read(self, content: bytes) -> None:
        etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if self.headers.get("If-None-Match") == etag:
            self.send(304, ETag=etag)
        elif asked is None or self.headers.get("If-Range", etag) != etag:
            self.send(200, content, ETag=etag)
        elif int(asked[1]) >= len(content):
            self.send(416, Content_Range=f"bytes */{len(content)}")
        else:
            start, last = int(asked[1]), min(int(asked[2] or len(content)), len(content) - 1)
            whole = f"bytes {start}-{last}/{len(content)}"
            self.send(206, content[start : last + 1], ETag=etag, Content_Range=whole)
