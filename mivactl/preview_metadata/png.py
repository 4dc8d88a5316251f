"""PNG and APNG: chunks are kept by name, texts only when they are a receipt or the frame rate.

Source: PNG specification, third edition (W3C 2025), section 5 and 11.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from mivactl.preview_metadata.receipt_text import is_receipt

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_KEPT: Final = frozenset(
    b"IHDR PLTE IDAT IEND tRNS cHRM gAMA iCCP sBIT sRGB cICP mDCV cLLI bKGD pHYs acTL fcTL fdAT".split()
)
_TEXT_BYTES_MAX: Final = 1 << 16


def stripped_png(data: bytes) -> bytes:
    """See `strip.stripped`."""
    if not data.startswith(_SIGNATURE):
        raise ValueError("it does not start as a PNG file")
    return _SIGNATURE + b"".join(chunk for kind, chunk in _chunks(data) if kind in _KEPT or _is_ours(kind, chunk[8:-4]))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and bytes of each chunk up to the end of the picture; what lies behind it is left out."""
    position, kind = len(_SIGNATURE), b""
    while kind != b"IEND":
        length = int.from_bytes(data[position : position + 4])
        kind, chunk = data[position + 4 : position + 8], data[position : position + 12 + length]
        if len(chunk) < 12 + length:
            raise ValueError("its last chunk is cut off")
        position += len(chunk)
        yield kind, chunk


def _is_ours(kind: bytes, content: bytes) -> bool:
    keyword, _, rest = content.partition(b"\0")
    if kind != b"iTXt":
        return False
    if keyword == b"Frame rate":
        return len(content) < 64
    packed, text = rest[:1] == b"\1", rest[2:].split(b"\0", 2)[-1]
    return keyword == b"Comment" and is_receipt(_unpacked(text) if packed else text)


def _unpacked(text: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(text, _TEXT_BYTES_MAX)
    except zlib.error:
        return b""
