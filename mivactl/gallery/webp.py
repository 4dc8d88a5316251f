"""The first frame of an animated WebP as a WebP that stands still: cut out of the container, not decoded.

Source: RFC 9649, section 2.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from registry_schema.errors import IntegrityProblem

if TYPE_CHECKING:
    from collections.abc import Iterator

_CUT_OFF: Final = "is a WebP file that is cut off"
_ANIMATED, _ALPHA = 0x02, 0x10
_FRAME_HEADER_BYTES: Final = 16
_BITSTREAMS: Final = frozenset({b"VP8 ", b"VP8L"})


@dataclass(frozen=True)
class Webp:
    """A WebP file: the sizes it states (of the canvas, of its pictures), and its first frame if it moves."""

    sizes: tuple[tuple[int, int], ...]
    first_frame: bytes | None


def read_webp(content: bytes) -> Webp:
    """What a WebP file says of itself.

    Raises:
        IntegrityProblem: it is cut off, has something behind its end, or no picture.
    """
    (length,) = struct.unpack_from("<I", content, 4)
    if length + 8 != len(content):
        raise IntegrityProblem(f"is a WebP file of {length + 8} bytes by its header and {len(content)} in fact")
    chunks = list(_chunks(content[12:]))
    canvas = [_canvas(data) for kind, data in chunks if kind == b"VP8X"]
    animated = any(kind == b"VP8X" and data[0] & _ANIMATED for kind, data in chunks)
    frames = [data for kind, data in chunks if kind == b"ANMF"]
    if animated and frames:
        pictures = [(kind, data) for frame in frames for kind, data in _frame_chunks(frame)]
        first = _still(list(_frame_chunks(frames[0])))
    else:
        pictures, first = chunks, None
    sizes = [_picture_size(kind, data) for kind, data in pictures if kind in _BITSTREAMS]
    if not sizes or (frames and not animated):
        raise IntegrityProblem("is a WebP file without a picture")
    return Webp((*canvas, *sizes), first)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = 0
    while position < len(data):
        if position + 8 > len(data):
            raise IntegrityProblem(_CUT_OFF)
        kind, length = struct.unpack_from("<4sI", data, position)
        start = position + 8
        if start + length > len(data):
            raise IntegrityProblem(_CUT_OFF)
        yield kind, data[start : start + length]
        position = start + length + length % 2


def _frame_chunks(frame: bytes) -> Iterator[tuple[bytes, bytes]]:
    return _chunks(frame[_FRAME_HEADER_BYTES:])


def _canvas(data: bytes) -> tuple[int, int]:
    if len(data) < 10:
        raise IntegrityProblem(_CUT_OFF)
    return int.from_bytes(data[4:7], "little") + 1, int.from_bytes(data[7:10], "little") + 1


def _picture_size(kind: bytes, data: bytes) -> tuple[int, int]:
    if kind == b"VP8 " and data[3:6] == b"\x9d\x01\x2a" and len(data) >= 10:
        width, height = struct.unpack_from("<HH", data, 6)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L" and data[:1] == b"\x2f" and len(data) >= 5:
        (bits,) = struct.unpack_from("<I", data, 1)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    raise IntegrityProblem("is a WebP file with a picture that is none")


def _still(chunks: list[tuple[bytes, bytes]]) -> bytes:
    """A file of one frame's picture; what else the frame holds is left behind."""
    kept = [(kind, data) for kind, data in chunks if kind in {*_BITSTREAMS, b"ALPH"}]
    picture = next(((kind, data) for kind, data in kept if kind in _BITSTREAMS), None)
    if picture is None:
        raise IntegrityProblem("is a WebP file with a frame without a picture")
    if any(kind == b"ALPH" for kind, _ in kept):
        width, height = _picture_size(*picture)
        sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        kept.insert(0, (b"VP8X", bytes((_ALPHA, 0, 0, 0)) + sides))
    body = b"WEBP" + b"".join(_chunk(kind, data) for kind, data in kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _chunk(kind: bytes, data: bytes) -> bytes:
    return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
