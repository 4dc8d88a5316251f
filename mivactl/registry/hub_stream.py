"""A file on the Hub as an open file: read in one go from where one starts, from elsewhere after `seek`."""

from __future__ import annotations

import io
import os
import re
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mivactl.hub_client import hub_headers, hub_session
from registry_schema.errors import NetworkProblem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import WriteableBuffer

_CHUNK_BYTES: Final = 1 << 18


@dataclass(frozen=True)
class HubAddress:
    """Where a file is: its address, and what messages call it."""

    url: str
    label: str


class HubStream(io.RawIOBase):
    """The bytes at `address`; nothing is asked for before the first is read.

    A server that knows no ranges sends all from the start; what comes before is passed over.

    Args:
        size_bytes: how long the file is; nothing behind that is read.
    """

    def __init__(self, address: HubAddress, size_bytes: int, *, offset_bytes: int = 0) -> None:
        super().__init__()
        self._address = address
        self._size_bytes = size_bytes
        self._position = offset_bytes
        self._answer: ExitStack | None = None
        self._chunks: Iterator[bytes] = iter(())
        self._rest = b""

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is, at the cost of another request."""
        return True

    def tell(self) -> int:
        """Bytes before the next one read."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go on elsewhere."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size_bytes}[whence]
        if start + offset != self._position:
            self._hang_up()
            self._position = start + offset
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill `buffer`; 0 at the end.

        Raises:
            NetworkProblem: the answer is not what was asked for; and what the Hub's client raises.
        """
        target = memoryview(buffer).cast("B")
        wanted = min(len(target), self._size_bytes - self._position)
        if wanted <= 0:
            return 0
        if self._answer is None:
            self._ask()
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = chunk
        part, self._rest = self._rest[:wanted], self._rest[wanted:]
        target[: len(part)] = part
        self._position += len(part)
        return len(part)

    def close(self) -> None:
        """End the request."""
        self._hang_up()
        super().close()

    def _hang_up(self) -> None:
        answer, self._answer, self._rest = self._answer, None, b""
        self._chunks = iter(())
        if answer is not None:
            answer.close()

    def _ask(self) -> None:
        from huggingface_hub.utils import hf_raise_for_status  # type: ignore[attr-defined]

        headers = hub_headers()
        if self._position:
            headers["Range"] = f"bytes={self._position}-"
        with ExitStack() as stack:
            answer = stack.enter_context(hub_session().stream("GET", self._address.url, headers=headers))
            if answer.status_code >= 400:
                answer.read()
            hf_raise_for_status(answer)
            if answer.headers.get("Content-Encoding", "identity") != "identity":
                raise self._unusable(f"the encoding `{answer.headers['Content-Encoding']}`")
            self._chunks = answer.iter_raw(_CHUNK_BYTES)
            self._rest = self._passed_over(answer.status_code, answer.headers.get("Content-Range", ""))
            self._answer = stack.pop_all()

    def _passed_over(self, status: int, content_range: str) -> bytes:
        """What was read beyond the bytes that come before the position."""
        if not self._position:
            return b""
        if status == 206:
            if not re.match(rf"bytes {self._position}-", content_range):
                raise self._unusable(f"the range `{content_range}`")
            return b""
        before = self._position
        for chunk in self._chunks:
            if len(chunk) > before:
                return chunk[before:]
            before -= len(chunk)
        return b""

    def _unusable(self, what: str) -> NetworkProblem:
        return NetworkProblem(
            f"{self._address.label} came with {what}, which was not asked for",
            hint="something between here and the Hub changes answers: look at the proxy settings",
        )
