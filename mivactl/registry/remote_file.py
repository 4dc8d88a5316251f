"""`RemoteFile`: a file on a web server that is read like one on the disk, and only where it is looked at."""

from __future__ import annotations

import io
import re
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

from mivactl.transfer.address import shown_url
from mivactl.transfer.client import unexpected
from mivactl.transfer.request import Request
from mivactl.transfer.retries import Transient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from _typeshed import WriteableBuffer

    from mivactl.transfer.client import HttpClient
    from mivactl.transfer.reply import Reply

_FIRST_BYTES: Final = 1 << 18
_LARGEST_BYTES: Final = 1 << 23


class RemoteFile(io.RawIOBase):
    """The bytes at `url`, asked for in pieces: small first, so that a look at a header costs little, then larger.

    Nothing here is checked, not even that all pieces are of one file: whoever copies them checks the digest.

    Raises:
        FileNotFoundError: there is none.
        NetworkProblem, AuthProblem, IntegrityProblem: while it is made and while it is read, as `HttpClient`.
    """

    def __init__(self, client: HttpClient, url: str, *, offset_bytes: int = 0) -> None:
        super().__init__()
        self._client = client
        self._url = url
        self._position = offset_bytes
        self._size_bytes = 0
        self._piece_bytes = _FIRST_BYTES
        self._pending = b""
        self._pending_at = -1
        self._chunks: Iterator[bytes] = iter(())
        self._answer = ExitStack()
        client.options.retries.run(self._ask)

    def readable(self) -> bool:
        """See `io.RawIOBase`."""
        return True

    def seekable(self) -> bool:
        """See `io.RawIOBase`."""
        return True

    def tell(self) -> int:
        """See `io.RawIOBase`."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """See `io.RawIOBase`."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size_bytes}[whence]
        self._position = max(start + offset, 0)
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        """See `io.RawIOBase`."""
        view = memoryview(buffer).cast("B")
        piece = self._client.options.retries.run(lambda: self._some(len(view)))
        view[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def close(self) -> None:
        """See `io.RawIOBase`."""
        self._answer.close()
        super().close()

    def _some(self, most_bytes: int) -> bytes:
        if self._position >= self._size_bytes:
            return b""
        if self._position != self._pending_at:
            self._ask()
        try:
            if not self._pending:
                self._pending = next(self._chunks, b"")
            if not self._pending:
                self._ask()
                self._pending = next(self._chunks, b"")
        except Transient:
            self._pending_at = -1
            raise
        if not self._pending:
            self._pending_at = -1
            raise Transient(f"`{shown_url(self._url)}` ended too early", hint="run the same command again")
        piece, self._pending = self._pending[:most_bytes], self._pending[most_bytes:]
        self._pending_at += len(piece)
        return piece

    def _ask(self) -> None:
        """Ask for the next piece from where the file stands."""
        self._answer.close()
        self._pending, self._pending_at, self._chunks = b"", -1, iter(())
        last = self._position + self._piece_bytes - 1
        asked = Request("GET", self._url, {"Range": f"bytes={self._position}-{last}"})
        reply = self._answer.enter_context(self._client.open(asked))
        self._piece_bytes = min(2 * self._piece_bytes, _LARGEST_BYTES)
        begins, self._size_bytes = self._extent(reply)
        self._chunks = _without(self._position - begins, reply.chunks())
        self._pending_at = self._position

    def _extent(self, reply: Reply) -> tuple[int, int]:
        """Where the answer begins, and how long the whole file is."""
        if reply.status == 404:
            raise FileNotFoundError(reply.place)
        if reply.status == 200 and reply.length_bytes is not None:
            return 0, reply.length_bytes
        answered = reply.headers.get("Content-Range", "")
        if reply.status == 206 and (parts := re.fullmatch(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18})", answered)):
            begins = int(parts[1])
            if begins <= self._position:
                return begins, int(parts[2])
        if reply.status == 416 and (whole := re.fullmatch(r"bytes \*/(\d{1,18})", answered)):
            size_bytes = int(whole[1])
            if size_bytes <= self._position:
                return self._position, size_bytes
        raise unexpected(reply, "a file of known length")


def _without(count_bytes: int, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The chunks without their first bytes: a server that knows no ranges starts at the beginning."""
    for chunk in chunks:
        if count_bytes < len(chunk):
            yield chunk[count_bytes:]
        count_bytes = max(count_bytes - len(chunk), 0)


@contextmanager
def open_remote(client: HttpClient, url: str, *, offset_bytes: int = 0) -> Iterator[BinaryIO]:
    """The file at `url` from `offset_bytes` on; raises what `RemoteFile` does."""
    with RemoteFile(client, url, offset_bytes=offset_bytes) as raw, io.BufferedReader(raw, 1 << 16) as file:
        yield file
