"""`RangedSource`: a place that gives the bytes of one file from any position on, and the one over HTTP."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from mivactl.transfer.address import shown_url
from mivactl.transfer.client import unexpected
from mivactl.transfer.request import Request
from registry_schema.errors import IntegrityProblem, NotFound
from registry_schema.text import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from mivactl.transfer.client import HttpClient
    from mivactl.transfer.reply import Reply


@dataclass(frozen=True)
class RangedStream:
    """Bytes of a file on the way.

    Attributes:
        offset: which byte of the file comes first; 0 though another one was asked for if the source starts anew.
        total: how long the whole file is; None if nobody says.
        etag: what stands for exactly these bytes at the source; None if nothing does.
    """

    chunks: Iterator[bytes]
    offset: int
    total: int | None
    etag: str | None


class WrongRange(IntegrityProblem):
    """The source can not give the part that was asked for: only the whole file is left to ask for."""


class RangedSource(Protocol):
    """Where the bytes of one file are. One try a call: whoever asks tries again."""

    @property
    def place(self) -> str:
        """The address as a message may show it."""

    def open(self, offset: int, etag: str | None) -> AbstractContextManager[RangedStream]:
        """The bytes from `offset` on, if the file is still the one that `etag` stands for; else all of them.

        Raises:
            Transient: it may work in a moment.
            WrongRange: not from there.
            NotFound: there is no such file.
            NetworkProblem, AuthProblem, IntegrityProblem, Refused, UsageProblem: it will not work.
        """


@dataclass(frozen=True)
class HttpSource:
    """A file on a web server; `headers` are sent along, credentials are the client's."""

    client: HttpClient
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """See `RangedSource`."""
        return shown_url(self.url)

    @contextmanager
    def open(self, offset: int, etag: str | None) -> Iterator[RangedStream]:
        """See `RangedSource`. Range requests are those of RFC 9110, section 14."""
        headers = dict(self.headers)
        if offset:
            headers["Range"] = f"bytes={offset}-"
            if etag:
                headers["If-Range"] = etag
        with self.client.open(Request("GET", self.url, headers)) as reply:
            yield _stream(reply, offset)


def _stream(reply: Reply, offset: int) -> RangedStream:
    # a weak tag promises the same meaning, not the same bytes
    etag = None if (reply.etag or "W/").startswith("W/") else reply.etag
    if reply.status == 200:
        return RangedStream(reply.chunks(), 0, reply.length_bytes, etag)
    if reply.status == 404:
        raise NotFound(f"`{reply.place}` is not there", hint="tell the registry's owner, or take another version")
    if offset and reply.status == 416:
        raise WrongRange(f"`{reply.place}` has nothing after byte {offset}", hint="tell the registry's owner")
    if not offset or reply.status != 206:
        raise unexpected(reply, "a file")
    answered = reply.headers.get("Content-Range", "")
    parts = re.fullmatch(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", answered)
    if parts is None or int(parts[1]) != offset:
        raise WrongRange(
            f"`{reply.place}` was asked for the bytes from {offset} on and answered with `{shown(answered)}`",
            hint="the server, or something in between, is broken; tell its owner",
        )
    return RangedStream(reply.chunks(), offset, None if parts[3] == "*" else int(parts[3]), etag)
