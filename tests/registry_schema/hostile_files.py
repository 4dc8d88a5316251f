"""Files too large to commit, made when a test asks: name -> (bytes, claimed size or None, words of the refusal)."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT = 2 << 20


def packed(header: bytes, *, data: bytes = b"") -> bytes:
    return struct.pack("<Q", len(header)) + header + data


def tensors(count: int) -> bytes:
    rows = (f'"t{n}":{{"dtype":"F32","shape":[1],"data_offsets":[{4 * n},{4 * n + 4}]}}' for n in range(count))
    return packed(f"{{{','.join(rows)}}}".encode(), data=bytes(4 * count))


def empty_tensors(count: int) -> bytes:
    rows = (f'"{n}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}' for n in range(count))
    return packed(f"{{{','.join(rows)}}}".encode())


def metadata(size: int) -> bytes:
    entry = '"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}'
    return packed(f'{{"__metadata__":{json.dumps({"note": "x" * size})},{entry}}}'.encode(), data=bytes(4))


HOSTILE: dict[str, tuple[Callable[[], bytes], int | None, str]] = {
    "claims 2^40 bytes": (lambda: struct.pack("<Q", 1 << 40) + b"{}", None, "claims a header of 1099511627776 bytes"),
    "claims 2^40 bytes of a sparse 2 TiB": (lambda: struct.pack("<Q", 1 << 40), 1 << 41, "expected at most 2097152"),
    "claims more than there is": (lambda: packed(b"{}")[:-1], 1 << 20, "ends inside its header"),
    "8193 tensors": (lambda: tensors(8193), None, "lists about 8193 tensors, expected at most 8192"),
    "a million empty tensors": (lambda: empty_tensors(1_000_000), None, "expected at most 2097152"),
    "empty tensors up to the limit": (lambda: empty_tensors(36_000), None, "lists about 36000 tensors"),
    "two megabytes of {}": (
        lambda: packed(b'{"a":[' + b"{}," * 690_000 + b"0]}"),
        None,
        "tensors, expected at most 8192",
    ),
    "two megabytes of []": (
        lambda: packed(b'{"a":[' + b"[]," * 690_000 + b"0]}"),
        None,
        "tensors, expected at most 8192",
    ),
    "two megabytes of numbers": (lambda: packed(b'{"a":[' + b"1," * 1_000_000 + b"0]}"), None, "values in its header"),
    "two megabytes of open brackets": (
        lambda: packed(b"{" + b"[" * (LIMIT - 1)),
        None,
        "tensors, expected at most 8192",
    ),
    "two megabytes of closed brackets": (lambda: packed(b"{" + b"]" * (LIMIT - 1)), None, "is not JSON"),
    "two megabytes of escapes": (lambda: packed(b'{"' + b"\\" * (LIMIT - 2)), None, "is not JSON"),
    "300 KiB of metadata": (lambda: metadata(300 << 10), None, "bytes of metadata, expected at most 262144"),
    "two megabytes of metadata": (lambda: metadata(LIMIT - 200), None, "bytes of metadata, expected at most 262144"),
    "a long name": (lambda: packed(b'{"' + b"n" * 257 + b'":{}}'), None, "has a tensor name of 257 characters"),
    "data of 100 GiB that is not described": (lambda: tensors(3), 100 << 30, "its header describes 12"),
}
