"""Photo files of all kinds, drawn and encoded by the real encoders."""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

ORIENTATION = 0x0112
# The colours (SMPTE EG 432-1, D65) and the curve (IEC 61966-2-1) of Display P3, adapted to D50 as ICC wants them.
P3_PRIMARIES = ((0.515102, 0.241196, -0.001053), (0.291965, 0.692236, 0.041885), (0.157153, 0.066581, 0.784073))
D50 = (0.9642, 1.0, 0.8249)


def four_corners(width: int = 48, height: int = 32) -> NDArray[np.uint8]:
    """Red, green, blue and white quarters: every one of the eight orientations looks different."""
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    pixels[: height // 2, : width // 2] = (220, 20, 20)
    pixels[: height // 2, width // 2 :] = (20, 200, 20)
    pixels[height // 2 :, : width // 2] = (20, 20, 220)
    pixels[height // 2 :, width // 2 :] = (240, 240, 240)
    return pixels


def stored_as(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """The pixels as a camera with this EXIF orientation stores them (EXIF 2.32, 4.6.4.A)."""
    flipped = np.ascontiguousarray
    return {
        1: lambda p: p,
        2: lambda p: flipped(p[:, ::-1]),
        3: lambda p: flipped(p[::-1, ::-1]),
        4: lambda p: flipped(p[::-1]),
        5: lambda p: flipped(p.transpose(1, 0, 2)),
        6: lambda p: flipped(np.rot90(p, 1)),
        7: lambda p: flipped(p[::-1, ::-1].transpose(1, 0, 2)),
        8: lambda p: flipped(np.rot90(p, -1)),
    }[orientation](pixels)


def with_orientation(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return exif


def display_p3() -> bytes:
    """A small ICC profile (version 2, matrix and curves) of Display P3, as phones embed it."""
    levels = np.arange(256) / 255
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    curve = b"curv" + bytes(4) + struct.pack(">I", 256) + (linear * 65535).round().astype(">u2").tobytes()
    text = b"Display P3\0"
    description = b"desc" + bytes(4) + struct.pack(">I", len(text)) + text + bytes(78)
    tags = {b"desc": description, b"cprt": b"text" + bytes(4) + b"none\0", b"wtpt": _xyz(D50)}
    tags |= {name: _xyz(value) for name, value in zip((b"rXYZ", b"gXYZ", b"bXYZ"), P3_PRIMARIES, strict=True)}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    return _icc_file(tags)


def _xyz(value: tuple[float, float, float]) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(struct.pack(">i", round(part * 65536)) for part in value)


def _icc_file(tags: dict[bytes, bytes]) -> bytes:
    table, content = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for name, body in tags.items():
        padded = body + bytes(-len(body) % 4)
        table += struct.pack(">4sII", name, start + len(content), len(body))
        content += padded
    header = bytearray(128)
    header[8:12] = bytes((2, 0x40, 0, 0))
    header[12:24] = b"mntrRGB XYZ "
    header[36:40] = b"acsp"
    header[68:80] = _xyz(D50)[8:]
    whole = bytes(header) + struct.pack(">I", len(tags)) + table + content
    return struct.pack(">I", len(whole)) + whole[4:]


def enormous_png(path: Path, *, width: int, height: int) -> Path:
    """A valid PNG of one colour whose file is small and whose pixels are many."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    packer = zlib.compressobj(1)
    row = bytes(1 + width * 3)
    packed = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    signature = b"\x89PNG\r\n\x1a\n"
    path.write_bytes(signature + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b""))
    return path


def encoded(pixels: NDArray[np.uint8], kind: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format=kind)
    return stream.getvalue()
