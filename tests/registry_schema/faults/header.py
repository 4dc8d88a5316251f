"""Faults of safetensors files that the header gate refuses."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

from tests.registry_schema.faults.fault import Fault

if TYPE_CHECKING:
    from collections.abc import Callable


def safetensors(header: bytes, data: bytes = bytes(8), *, length: int | None = None) -> bytes:
    """The bytes of a safetensors file with this header."""
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def one_tensor(**changes: Any) -> Callable[[bytes], bytes]:
    """A header of one tensor `a` with some of its fields changed."""
    entry = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}
    return lambda _: safetensors(json.dumps({"a": entry}).encode())


TWO = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":%s}}'
HEADER = (
    Fault("empty.safetensors", lambda _: b"", "has 0 bytes, expected a safetensors file of at least 8"),
    Fault(
        "claims-2-to-40.safetensors",
        lambda data: struct.pack("<Q", 1 << 40) + data[8:],
        "claims a header of 1099511627776 bytes, the file has 69 left",
    ),
    Fault("cut-in-header.safetensors", lambda data: data[:20], "claims a header of 61 bytes, the file has 12 left"),
    Fault(
        "pickle.safetensors",
        lambda _: safetensors(b"\x80\x04K\x01."),
        "does not start its header with `{`, expected a safetensors file",
    ),
    Fault(
        "key-twice.safetensors",
        lambda _: safetensors(b'{"a":{},"a":{}}'),
        "header: key `a` occurs twice in one object, expected once",
    ),
    Fault("no-tensors.safetensors", lambda _: safetensors(b"{}", b""), "has 0 tensors, expected 1 to 8192"),
    Fault(
        "nested-metadata.safetensors",
        lambda _: safetensors(b'{"__metadata__":{"a":{}}}'),
        "has metadata that is not text by name",
    ),
    Fault(
        "name-escape-code.safetensors",
        lambda _: safetensors(b'{"\\u001b[2J":{}}'),
        "has the tensor name `\\x1b[2J`, expected visible ASCII",
    ),
    Fault(
        "dtype-f64.safetensors",
        one_tensor(dtype="F64", shape=[1]),
        "tensor `a` has dtype `F64`, expected `F32`, `F16` or `BF16`",
    ),
    Fault(
        "dtype-absent.safetensors",
        lambda _: safetensors(b'{"a":{"shape":[2],"data_offsets":[0,8]}}'),
        "tensor `a` is not described by dtype, shape and data_offsets alone",
    ),
    Fault(
        "nine-dims.safetensors", one_tensor(shape=9 * [1]), "tensor `a` has a shape that is no list of at most 8 sizes"
    ),
    Fault(
        "shape-zero.safetensors",
        one_tensor(shape=[0], data_offsets=[0, 0]),
        "tensor `a` has shape `[0]`, expected whole numbers from 1",
    ),
    Fault(
        "shape-overflow.safetensors",
        one_tensor(shape=[1 << 40, 1 << 40]),
        "tensor `a` spans 8 bytes, its shape and dtype need 4835703278458516698824704",
    ),
    Fault(
        "shape-too-large.safetensors", one_tensor(shape=[3]), "tensor `a` spans 8 bytes, its shape and dtype need 12"
    ),
    Fault(
        "offsets-negative.safetensors",
        one_tensor(data_offsets=[-8, 0]),
        "tensor `a` has data_offsets `[-8, 0]`, expected two whole numbers",
    ),
    Fault(
        "hole.safetensors",
        lambda _: safetensors(TWO % b"[5,9]", bytes(9)),
        "tensor `b` starts at byte 5 of the data, expected 4",
    ),
    Fault(
        "overlap.safetensors",
        lambda _: safetensors(TWO % b"[0,4]", bytes(4)),
        "tensor `b` starts at byte 0 of the data, expected 4",
    ),
    Fault("trailing-bytes.safetensors", lambda data: data + b"x", "has 9 bytes of data, its header describes 8"),
    Fault("truncated.safetensors", lambda data: data[:-1], "has 7 bytes of data, its header describes 8"),
)
