"""The server of a study: gives out the page, takes answers, and says they are kept when they are on the disk.

For the local machine: the standard library's server, one thread for each connection. Requests from other pages are
refused: a browser says where a request comes from, and the name it used for this machine.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import re
import socket
import sqlite3
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any, ClassVar, Final

from mivactl.study.answer_book import Kept
from mivactl.study.documents import Answer, ViewerToken
from mivactl.study.page import POLICY
from mivactl.study.served_files import UnmetRange, asked_span
from registry_schema import strict_json
from registry_schema.document import Document
from registry_schema.errors import MivaError, NotFound, ResourceProblem, SchemaError, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mivactl.study.answer_book import AnswerBook
    from mivactl.study.documents import StudyKey
    from mivactl.study.served_files import ServedFile

_MOST_BYTES: Final = 2048
_CHUNK: Final = 1 << 16
_MOST_CONNECTIONS: Final = 512
_LOOPBACK_NAMES: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class _Posted(Document):
    """What the page sends with an answer."""

    viewer: ViewerToken
    trial: str
    choice: str | None
    seconds: float


class StudyServer(ThreadingHTTPServer):
    """Serves one study until it is shut down.

    Args:
        host: the address to listen at; others than this machine's own can be reached by everybody in the network.
        port: 0 for any that is free.

    Raises:
        UsageProblem: the address can not be listened at.
    """

    daemon_threads = True
    request_queue_size = 512

    def __init__(
        self, study: StudyKey, book: AnswerBook, files: Mapping[str, ServedFile], *, host: str, port: int
    ) -> None:
        self.study, self.book, self.files = study, book, files
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._room = BoundedSemaphore(_MOST_CONNECTIONS)
        try:
            super().__init__((host, port), _Handler)
        except (OSError, OverflowError) as error:
            raise UsageProblem(
                f"cannot listen at `{host}` port {port}: {error}", hint="choose another one: `--port 0` takes any free"
            ) from error

    @property
    def address(self) -> str:
        """Where a browser finds the study."""
        host = str(self.server_address[0])
        return f"http://{f'[{host}]' if ':' in host else host}:{self.server_port}/"

    @property
    def is_local(self) -> bool:
        """Whether only this machine reaches it."""
        return ipaddress.ip_address(str(self.server_address[0])).is_loopback

    def is_called(self, name: str) -> bool:
        """Whether `name` means this machine: an address, which nobody else can lead here, or its own name."""
        if self.is_local:
            return name in _LOOPBACK_NAMES | {str(self.server_address[0])}
        own = socket.gethostname().lower()
        with contextlib.suppress(ValueError):
            ipaddress.ip_address(name)
            return True
        return name in _LOOPBACK_NAMES | {own, f"{own}.local", own.partition(".")[0]}

    def server_bind(self) -> None:
        """Bind without asking for the machine's name, as the standard server does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as the parent has it
        """A thread for the connection, while there is room for one."""
        if self._room.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as the parent has it
        """All of a connection, in its thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """A connection that broke is the browser's business: it asks again."""


class _Handler(BaseHTTPRequestHandler):
    """One connection of a browser."""

    server: StudyServer
    protocol_version = "HTTP/1.1"
    server_version = "mivactl"
    sys_version = ""
    timeout: ClassVar[int] = 60

    def do_GET(self) -> None:
        """The page and its files, or whose study this is."""
        self._get(with_body=True)

    def do_HEAD(self) -> None:
        """What a GET would say, without its content."""
        self._get(with_body=False)

    def do_POST(self) -> None:
        """A viewer who comes, or an answer."""
        try:
            self._require_own_page()
            body = self._body()
            answer = {"/api/viewers": self._new_viewer, "/api/answers": self._keep}.get(self.path)
            if answer is None:
                raise NotFound(f"nothing is at `{self.path}`")
            answer(body)
        except ResourceProblem as error:
            self._refuse(HTTPStatus.INSUFFICIENT_STORAGE, error)
        except NotFound as error:
            self._refuse(HTTPStatus.NOT_FOUND, error)
        except SchemaError as error:
            self._refuse(HTTPStatus.BAD_REQUEST, error)
        except MivaError as error:
            self._refuse(HTTPStatus.FORBIDDEN, error)
        except sqlite3.Error as error:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, MivaError(f"the answer could not be written: {error}"))

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: who asked for what is nobody's business."""

    def _get(self, *, with_body: bool) -> None:
        try:
            self._require_own_name()
        except MivaError as error:
            self._refuse(HTTPStatus.FORBIDDEN, error)
            return
        path = self.path.partition("?")[0]
        file = self.server.files.get(path)
        if path == "/api/study":
            self._say(HTTPStatus.OK, {"study": self.server.study.id})
        elif file is None:
            self._refuse(HTTPStatus.NOT_FOUND, NotFound("nothing is here"))
        else:
            self._send_file(file, with_body=with_body)

    def _send_file(self, file: ServedFile, *, with_body: bool) -> None:
        try:
            span = asked_span(self.headers.get("Range"), file.size)
        except UnmetRange:
            self._head(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, {"Content-Range": f"bytes */{file.size}"}, 0)
            return
        start, length = (0, file.size) if span is None else (span.start, span.length)
        headers = {"Content-Type": file.media_type, "Accept-Ranges": "bytes"}
        if span is not None:
            headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{file.size}"
        try:
            content = file.path.open("rb")
        except OSError:
            self._refuse(HTTPStatus.NOT_FOUND, NotFound("it is no longer here"))
            return
        with content:
            self._head(HTTPStatus.OK if span is None else HTTPStatus.PARTIAL_CONTENT, headers, length)
            content.seek(start)
            while with_body and length > 0:
                piece = content.read(min(_CHUNK, length))
                if not piece:
                    self.close_connection = True
                    return
                self.wfile.write(piece)
                length -= len(piece)

    def _new_viewer(self, body: object) -> None:
        if body != {}:
            raise SchemaError("request: expected `{}`")
        viewer, form = self.server.book.new_viewer()
        self._say(HTTPStatus.CREATED, {"viewer": viewer, "form": form})

    def _keep(self, body: object) -> None:
        posted = _Posted.of(body, source="request")
        answer = Answer.of(posted.model_dump(exclude={"viewer"}), source="request")
        kept = self.server.book.keep(posted.viewer, answer)
        status = {Kept.NEW: HTTPStatus.CREATED, Kept.SAME: HTTPStatus.OK, Kept.ANOTHER_STANDS: HTTPStatus.CONFLICT}
        self._say(status[kept], {"kept": kept.value})

    def _require_own_name(self) -> None:
        """A page elsewhere can lead its own name to this machine; its requests then carry that name."""
        host = self.headers.get("Host", "")
        name = re.sub(r":[0-9]+$", "", host).strip("[]").lower()
        if not self.server.is_called(name):
            raise UsageProblem(f"this server is not called `{name[:80]}`")

    def _require_own_page(self) -> None:
        self._require_own_name()
        origin, host = self.headers.get("Origin"), self.headers.get("Host", "")
        if origin is not None and origin != f"http://{host}":
            raise UsageProblem("answers are taken from the page of this study only")
        if self.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
            raise UsageProblem("answers are taken from the page of this study only")
        if self.headers.get_content_type() != "application/json":
            raise UsageProblem("answers are sent as application/json")

    def _body(self) -> object:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal() and len(length) <= 8) or int(length) > _MOST_BYTES:
            self.close_connection = True
            raise SchemaError(f"request: expected a Content-Length of at most {_MOST_BYTES}")
        return strict_json.parse(self.rfile.read(int(length)), max_bytes=_MOST_BYTES, source="request")

    def _say(self, status: HTTPStatus, content: Mapping[str, object]) -> None:
        body = json.dumps(content).encode()
        self._head(status, {"Content-Type": "application/json"}, len(body))
        if self.command != "HEAD":
            self.wfile.write(body)

    def _refuse(self, status: HTTPStatus, error: MivaError) -> None:
        if self.command == "POST":
            self.close_connection = True  # what is left of its content is not read
        with contextlib.suppress(OSError):
            self._say(status, {"error": error.message})

    def _head(self, status: HTTPStatus, headers: Mapping[str, str], length: int) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.send_header("Cache-Control", "no-store" if self.path.startswith("/api/") else "no-cache")
        self.send_header("Content-Security-Policy", f"{POLICY}; frame-ancestors 'none'")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
