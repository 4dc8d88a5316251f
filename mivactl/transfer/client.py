"""`HttpClient`: asks servers, and holds them to what they may do.

Redirects are followed by hand: credentials go to the server they are for and to no other, and a way that began
encrypted stays so.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urldefrag, urljoin

from mivactl import version
from mivactl.transfer.address import Origin, require_safe, shown_url
from mivactl.transfer.connections import Connections
from mivactl.transfer.patience import Patience
from mivactl.transfer.reply import Reply, valid_etag
from mivactl.transfer.request import Request, Upload
from mivactl.transfer.retries import Retries
from registry_schema.errors import NetworkProblem, Refused, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mivactl.transfer.credential import Credential

_MOST_REDIRECTS: Final = 5
_ANSWER_BYTES: Final = 1 << 16
# what a 301, 302 or 303 turns other methods into differs from client to client
_REDIRECTS: Final[Mapping[str, frozenset[int]]] = {
    "GET": frozenset({301, 302, 303, 307, 308}),
    "HEAD": frozenset({301, 302, 303, 307, 308}),
}
_SAME_METHOD: Final = frozenset({307, 308})
_ALL_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, kw_only=True)
class ClientOptions:
    """How a client behaves.

    Attributes:
        ca: a file of certificate authorities to trust instead of the system's.
        insecure: plain http to other machines is allowed.
        credentials: each goes to its own origin only.
    """

    ca: Path | None = None
    insecure: bool = False
    credentials: tuple[Credential, ...] = ()
    patience: Patience = field(default_factory=Patience)
    retries: Retries = field(default_factory=Retries)


@dataclass(frozen=True)
class Document:
    """A small file, and what stands for exactly this content on its server, if anything does."""

    content: bytes
    etag: str | None
    is_settled: bool = True


@dataclass(frozen=True)
class Unchanged:
    """The file is still the one whose `ETag` was given."""


@dataclass(frozen=True)
class Answer:
    """What a server said to a request: everything that is no error of the network or of credentials."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    url: str


class HttpClient:
    """A client for one registry; threads may share it."""

    def __init__(self, options: ClientOptions | None = None, *, connections: Connections | None = None) -> None:
        self.options = options or ClientOptions()
        self._connections = connections or Connections(ca=self.options.ca, patience=self.options.patience)
        self._user_agent = f"mivactl/{version()}"

    def with_credential(self, credential: Credential) -> HttpClient:
        """The same client with one more credential, in place of an older one for the same origin."""
        others = tuple(known for known in self.options.credentials if known.origin != credential.origin)
        return HttpClient(replace(self.options, credentials=(*others, credential)), connections=self._connections)

    def read(self, url: str, *, max_bytes: int, etag: str | None = None) -> Document | Unchanged | None:
        """A small file; None where there is none.

        Args:
            max_bytes: one byte more is refused.
            etag: of the content that is known already.

        Raises:
            NetworkProblem: it did not come, after all tries.
            AuthProblem: not with these credentials.
            IntegrityProblem: it is too long, or compressed.
            Refused: it, or where it was moved to, is asked without encryption.
            UsageProblem: the address is off.
        """
        known = valid_etag(etag)
        headers = {"If-None-Match": known} if known else {}

        def attempt() -> Document | Unchanged | None:
            with self.open(Request("GET", url, headers)) as reply:
                if reply.status == 200:
                    return Document(reply.read(max_bytes), reply.etag, reply.is_settled)
                if reply.status == 304 and known:
                    return Unchanged()
                if reply.status == 404:
                    return None
                raise unexpected(reply, "a file")

        return self.options.retries.run(attempt)

    def send(self, request: Request, *, max_bytes: int = _ANSWER_BYTES) -> Answer:
        """The answer to a request, its short body included.

        What can be asked twice is tried again. After a broken connection nobody knows whether the first try was
        heard: a `PUT` that must not overwrite may then meet its own file.

        Raises:
            NetworkProblem, AuthProblem, IntegrityProblem, Refused, UsageProblem: as `read`.
        """

        def attempt() -> Answer:
            with self.open(request) as reply:
                return Answer(reply.status, reply.headers, reply.read(max_bytes), reply.url)

        return self.options.retries.run(attempt) if request.is_idempotent else attempt()

    @contextmanager
    def open(self, request: Request) -> Iterator[Reply]:
        """The answer to a request, its body still on the way; one try.

        Raises:
            Transient, NetworkProblem, AuthProblem, Refused, UsageProblem: as `read`.
        """
        reply = self._follow(request)
        try:
            reply.require_answer()
            yield reply
        finally:
            reply.close()

    def _follow(self, request: Request) -> Reply:
        url = urldefrag(request.url).url
        origin = require_safe(url, insecure=self.options.insecure)
        for _ in range(_MOST_REDIRECTS + 1):
            reply = self._ask(replace(request, url=url), origin)
            if reply.status not in _ALL_REDIRECTS:
                return reply
            reply.close()
            if reply.status not in _REDIRECTS.get(request.method, _SAME_METHOD):
                raise unexpected(reply, f"an answer to {request.method}")
            url, origin = self._next(reply, origin)
        raise NetworkProblem(
            f"`{shown_url(request.url)}` was moved more than {_MOST_REDIRECTS} times in a row",
            hint="the server sends its visitors in circles; tell its owner",
        )

    def _next(self, reply: Reply, origin: Origin) -> tuple[str, Origin]:
        """Where a redirect leads."""
        location = reply.headers.get("Location")
        if not location:
            raise unexpected(reply, "a place where it was moved to")
        try:
            url = urldefrag(urljoin(reply.url, location)).url
            target = require_safe(url, insecure=self.options.insecure)
        except (UsageProblem, ValueError) as error:
            raise NetworkProblem(
                f"`{reply.place}` was moved to `{shown_url(location)}`, which is no usable address",
                hint="tell the owner of the server",
            ) from error
        if origin.scheme == "https" and target.scheme == "http":
            raise Refused(
                f"`{reply.place}` was moved to `{shown_url(url)}`, which is not encrypted",
                hint="somebody may be in between; tell the owner of the server",
            )
        return url, target

    def _ask(self, request: Request, origin: Origin) -> Reply:
        headers = {
            "Accept-Encoding": "identity",
            "User-Agent": self._user_agent,
            **request.headers,
        }
        credential = next((known for known in self.options.credentials if known.origin == origin), None)
        if credential is not None:
            headers["Authorization"] = credential.authorization
        if isinstance(request.body, Upload):
            headers["Content-Length"] = str(request.body.size_bytes)
            with request.body.open() as stream:
                response = self._connections.ask(request.method, request.url, headers=headers, body=stream)
        else:
            response = self._connections.ask(request.method, request.url, headers=headers, body=request.body)
        return Reply(response, request.url, patience=self.options.patience, knows=credential is not None)


def unexpected(reply: Reply, expected: str) -> NetworkProblem:
    """The error for an answer that makes no sense here; `expected` in words."""
    return NetworkProblem(
        f"`{reply.place}` answered HTTP {reply.status}, expected {expected}",
        hint="look whether the address is right, and whether something in between answers in its place",
    )
