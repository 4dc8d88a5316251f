"""WebP: the EXIF chunk stays when a receipt is all it holds, the XMP chunk and unknown ones go.

Source: RFC 9649 (WebP container); TIFF 6.0, section 2, for the inside of an EXIF chunk.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from mivactl.preview_metadata.receipt_text import is_receipt

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEPT: Final = frozenset({b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP"})
_EXIF_FLAG, _XMP_FLAG = 0x08, 0x04
_DESCRIPTION, _ASCII = 0x010E, 2


def stripped_webp(data: bytes) -> bytes:
    """See `strip.stripped`."""
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        raise ValueError("it does not start as a WebP file")
    chunks = [(kind, chunk) for kind, chunk in _chunks(data) if kind in _KEPT or _is_ours(kind, chunk)]
    has_exif = any(kind == b"EXIF" for kind, _ in chunks)
    body = b"".join(_with_flags(chunk, has_exif=has_exif) if kind == b"VP8X" else chunk for kind, chunk in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    position, end = 12, 8 + int.from_bytes(data[4:8], "little")
    if len(data) < end:
        raise ValueError("it is cut off")
    while position < end:
        length = int.from_bytes(data[position + 4 : position + 8], "little")
        chunk = data[position : position + 8 + length + length % 2]
        if len(chunk) < 8 + length:
            raise ValueError("its last chunk is cut off")
        position += len(chunk)
        yield chunk[:4], chunk


def _with_flags(chunk: bytes, *, has_exif: bool) -> bytes:
    """The VP8X chunk, saying only what is still there."""
    flags = chunk[8] & ~_XMP_FLAG & ~_EXIF_FLAG | (chunk[8] & _EXIF_FLAG if has_exif else 0)
    return chunk[:8] + bytes([flags]) + chunk[9:]


def _is_ours(kind: bytes, chunk: bytes) -> bool:
    """Whether an EXIF chunk has one directory of one entry, and that is a receipt that fills the rest."""
    length = int.from_bytes(chunk[4:8], "little")
    tiff = chunk[8 : 8 + length].removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if kind != b"EXIF" or order is None or len(tiff) < 26:
        return False
    start, count = struct.unpack_from(f"{order}IH", tiff, 4)
    tag, value_kind, size, place = struct.unpack_from(f"{order}HHII", tiff, 10)
    (following,) = struct.unpack_from(f"{order}I", tiff, 22)
    plain = (start, count, tag, value_kind, following) == (8, 1, _DESCRIPTION, _ASCII, 0)
    text = tiff[place : place + size]
    return plain and place == 26 and len(tiff) - 26 - size <= 1 and is_receipt(text.rstrip(b"\0"))
