"""Servers that do not speak HTTP, or speak it to do harm: each is one clear error, soon, and costs little memory."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import psutil
import pytest

from mivactl.transfer.client import Document
from registry_schema.errors import MivaError, NetworkProblem
from tests.mivactl.transfer.network import IMPATIENT, PATIENT, Pauses, client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
WHOLE = b'HTTP/1.1 200 OK\r\nETag: "a"\r\nContent-Length: 12\r\n\r\n{"format":1}'
IN_CHUNKS = HEAD + CHUNKED + b'8\r\n{"format\r\n4\r\n":1}\r\n0\r\n\r\n'


@contextmanager
def speaking(say: Callable[[socket.socket], object]) -> Iterator[str]:
    """A server that reads a request, says something to each client, and hangs up."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                connection.settimeout(5)
                connection.recv(65536)
                say(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/x"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


def sends(data: bytes) -> Callable[[socket.socket], object]:
    return lambda connection: connection.sendall(data)


def drips(start: bytes, data: bytes) -> Callable[[socket.socket], object]:
    def say(connection: socket.socket) -> None:
        connection.sendall(start)
        while True:
            connection.sendall(data)
            time.sleep(0.05)

    return say


def floods(start: bytes, data: bytes) -> Callable[[socket.socket], object]:
    def say(connection: socket.socket) -> None:
        connection.sendall(start)
        for _ in range(5000):
            connection.sendall(data)

    return say


NONSENSE = {
    "nothing": sends(b""),
    "another protocol": sends(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "bytes": sends(bytes(range(256)) * 40),
    "half a head": sends(HEAD + b"Content-Le"),
    "two lengths": sends(HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
    "a length that is none": sends(HEAD + b"Content-Length: many\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
    "a chunk that is none": sends(HEAD + CHUNKED + b"xyz\r\nab\r\n"),
    "a chunk that ends early": sends(HEAD + CHUNKED + b"ff\r\nab"),
    "a thousand headers": sends(HEAD + b"X: y\r\n" * 1000 + b"\r\n"),
    "a header without an end": floods(HEAD + b"X: ", b"y" * 65536),
    "a body without an end": floods(HEAD + b"\r\n", b"y" * 65536),
    "chunks without an end": floods(HEAD + CHUNKED, b"1000\r\n" + b"y" * 4096 + b"\r\n"),
    "a redirect to nonsense": sends(b"HTTP/1.1 302 Found\r\nLocation: ht!tp://\xff\x00\r\nContent-Length: 0\r\n\r\n"),
}


@pytest.mark.parametrize("say", NONSENSE.values(), ids=list(NONSENSE))
def test_nonsense_is_one_clear_error(say: Callable[[socket.socket], object]):
    process = psutil.Process()
    before = process.memory_info().rss
    with speaking(say) as url, pytest.raises(MivaError) as caught:
        client(patience=PATIENT).read(url, max_bytes=1000)
    assert caught.value.exit_code in {5, 6}
    assert url in caught.value.message
    assert caught.value.hint
    assert process.memory_info().rss - before < 50_000_000


ENDLESS = {
    "a header a byte at a time": drips(HEAD + b"X: ", b"y"),
    "headers one by one": drips(HEAD, b"X: y\r\n"),
    "continue, continue": drips(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a body a byte at a time": drips(HEAD + b"Content-Length: 9999\r\n\r\n", b"y"),
    "a chunk a byte at a time": drips(HEAD + CHUNKED + b"ffff\r\n", b"y"),
    "chunks of one byte": drips(HEAD + CHUNKED, b"1\r\ny\r\n"),
}


@pytest.mark.parametrize("say", ENDLESS.values(), ids=list(ENDLESS))
def test_an_answer_without_an_end_is_not_waited_for(say: Callable[[socket.socket], object]):
    started = time.monotonic()
    with speaking(say) as url, pytest.raises(NetworkProblem) as caught:
        client(patience=IMPATIENT).read(url, max_bytes=100_000)
    assert url in caught.value.message
    assert time.monotonic() - started < 30


def test_an_answer_that_comes_in_small_pieces_is_fine():
    def say(connection: socket.socket) -> None:
        for byte in HEAD + b'Content-Length: 2\r\neTaG: "a"\r\n\r\nok':
            connection.sendall(bytes([byte]))

    with speaking(say) as url:
        assert client(patience=PATIENT).read(url, max_bytes=2) == Document(b"ok", '"a"')


# how many bytes of an answer make it whole
CUTS = {"with a length": (WHOLE, len(WHOLE)), "in chunks": (IN_CHUNKS, IN_CHUNKS.rindex(b"0") + 1)}


@pytest.mark.parametrize(("answer", "needed"), CUTS.values(), ids=list(CUTS))
def test_an_answer_that_is_cut_anywhere_is_no_answer(answer: bytes, needed: int):
    once = client(patience=PATIENT, pauses=Pauses(tries=1))
    lengths = iter(range(needed + 1))
    with speaking(lambda connection: connection.sendall(answer[: next(lengths)])) as url:
        for _ in range(needed):
            with pytest.raises(NetworkProblem):
                once.read(url, max_bytes=100)
        whole = once.read(url, max_bytes=100)
    assert isinstance(whole, Document)
    assert whole.content == b'{"format":1}'
