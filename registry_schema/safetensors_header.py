"""The header gate: reads what a safetensors file claims and refuses what is hostile or broken; stdlib only.

Layout: 8 bytes little-endian header length, the header as JSON, then the tensors' data.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, BinaryIO

from registry_schema import strict_json
from registry_schema.digests import Digest
from registry_schema.errors import IntegrityProblem
from registry_schema.text import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_HEADER_BYTES = 2 << 20
MAX_TENSORS = 8192
MAX_METADATA_BYTES = 256 << 10
MAX_NAME = 256
MAX_DIMS = 8
MAX_DIM = 1 << 40
DTYPE_BYTES = {"F32": 4, "F16": 2, "BF16": 2}
_LENGTH_BYTES = 8
_FIELDS = {"dtype", "shape", "data_offsets"}


@dataclass(frozen=True)
class TensorInfo:
    """One tensor: type, shape, and where its bytes are, counted from the start of the data section."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True)
class TensorHeader:
    """What a file says about itself; `data_offset` is where the data section starts in the file."""

    tensors: Mapping[str, TensorInfo]
    metadata: Mapping[str, str]
    data_offset: int


class _Flaw(ValueError):
    """Why a file is refused, without its name."""


def read_header(stream: BinaryIO, file_size: int, *, source: str = "weights") -> TensorHeader:
    """The header of the file that `stream` stands at the start of; afterwards it stands at the data section.

    Args:
        file_size: bytes in the whole file; the data must end exactly there.
        source: what messages call the file.

    Raises:
        IntegrityProblem: over a limit or not consistent; nothing large was read or kept.
    """
    try:
        data = _header_bytes(stream, file_size)
        _check_amount(data)
        entries = strict_json.parse(data, max_bytes=MAX_HEADER_BYTES, source=f"{source}: header", max_depth=3)
        if not isinstance(entries, dict):
            raise _Flaw("the header is not an object")
        metadata = _metadata(entries.pop("__metadata__", {}))
        tensors = {_name(name): _tensor(name, entry) for name, entry in entries.items()}
        _check_layout(tensors, file_size - _LENGTH_BYTES - len(data))
    except _Flaw as flaw:
        raise IntegrityProblem(f"{source}: {flaw}", hint="the file is broken or hostile: do not use it") from flaw
    return TensorHeader(MappingProxyType(tensors), MappingProxyType(metadata), _LENGTH_BYTES + len(data))


def tensor_digest(stream: BinaryIO, header: TensorHeader) -> Digest:
    """Digest of the data section: the same after a change of metadata or names. `stream` must be seekable."""
    stream.seek(header.data_offset)
    return Digest.of_stream(stream)


def header_and_tensors_digest(
    stream: BinaryIO, file_size: int, *, source: str = "weights"
) -> tuple[TensorHeader, Digest]:
    """The header and the digest of the data section in one pass from the start; raises like `read_header`."""
    header = read_header(stream, file_size, source=source)
    return header, Digest.of_stream(stream)


def _header_bytes(stream: BinaryIO, file_size: int) -> bytes:
    if file_size < _LENGTH_BYTES:
        raise _Flaw(f"has {file_size} bytes, expected a safetensors file of at least {_LENGTH_BYTES}")
    start = stream.read(_LENGTH_BYTES)
    length = int.from_bytes(start, "little")
    if len(start) < _LENGTH_BYTES or length > file_size - _LENGTH_BYTES:
        raise _Flaw(f"claims a header of {length} bytes, the file has {max(0, file_size - _LENGTH_BYTES)} left")
    if length > MAX_HEADER_BYTES:
        raise _Flaw(f"claims a header of {length} bytes, expected at most {MAX_HEADER_BYTES}")
    data = stream.read(length)
    if len(data) < length:
        raise _Flaw(f"ends inside its header, after {len(data)} of {length} bytes")
    if not data.startswith(b"{"):
        raise _Flaw("does not start its header with `{`, expected a safetensors file")
    return data


def _check_amount(data: bytes) -> None:
    # Counted before parsing: two megabytes of `{}` would become a hundred megabytes of objects.
    bare = strict_json.without_strings(data)
    objects, lists, commas = bare.count(b"{"), bare.count(b"["), bare.count(b",")
    if objects > MAX_TENSORS + 2 or lists > 2 * MAX_TENSORS:
        raise _Flaw(f"lists about {max(objects - 1, lists // 2)} tensors, expected at most {MAX_TENSORS}")
    if commas > (MAX_DIMS + 5) * MAX_TENSORS:
        raise _Flaw(f"has {commas} values in its header, more than {MAX_TENSORS} tensors can need")


def _metadata(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise _Flaw("has metadata that is not text by name")
    size = sum(len(key.encode(errors="replace")) + len(text.encode(errors="replace")) for key, text in value.items())
    if size > MAX_METADATA_BYTES:
        raise _Flaw(f"has {size} bytes of metadata, expected at most {MAX_METADATA_BYTES}")
    return value


def _name(name: str) -> str:
    if not 1 <= len(name) <= MAX_NAME:
        raise _Flaw(f"has a tensor name of {len(name)} characters, expected 1 to {MAX_NAME}")
    if not re.fullmatch(r"[\x21-\x7e]+", name):
        raise _Flaw(f"has the tensor name `{shown(name)}`, expected visible ASCII")
    return name


def _tensor(name: str, entry: object) -> TensorInfo:
    place = f"tensor `{shown(name)}`"
    if not isinstance(entry, dict) or entry.keys() != _FIELDS:
        raise _Flaw(f"{place} is not described by dtype, shape and data_offsets alone")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPE_BYTES:
        raise _Flaw(f"{place} has dtype `{shown(dtype)}`, expected `F32`, `F16` or `BF16`")
    if not isinstance(shape, list) or len(shape) > MAX_DIMS:
        raise _Flaw(f"{place} has a shape that is no list of at most {MAX_DIMS} sizes")
    if not all(_is_count(size) and 1 <= size <= MAX_DIM for size in shape):
        raise _Flaw(f"{place} has shape `{shown(shape)}`, expected whole numbers from 1")
    if not isinstance(offsets, list) or len(offsets) != 2 or not all(_is_count(offset) for offset in offsets):
        raise _Flaw(f"{place} has data_offsets `{shown(offsets)}`, expected two whole numbers")
    needed = math.prod(shape) * DTYPE_BYTES[dtype]
    if offsets[1] - offsets[0] != needed:
        raise _Flaw(f"{place} spans {offsets[1] - offsets[0]} bytes, its shape and dtype need {needed}")
    return TensorInfo(dtype, tuple(shape), offsets[0], offsets[1])


def _check_layout(tensors: Mapping[str, TensorInfo], data_bytes: int) -> None:
    if not 1 <= len(tensors) <= MAX_TENSORS:
        raise _Flaw(f"has {len(tensors)} tensors, expected 1 to {MAX_TENSORS}")
    reached = 0
    for name, info in sorted(tensors.items(), key=lambda item: item[1].begin):
        if info.begin != reached:
            raise _Flaw(f"tensor `{shown(name)}` starts at byte {info.begin} of the data, expected {reached}")
        reached = info.end
    if reached != data_bytes:
        raise _Flaw(f"has {data_bytes} bytes of data, its header describes {reached}")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
