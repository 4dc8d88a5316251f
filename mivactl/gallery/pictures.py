"""What the bytes of a preview are: WebP, PNG or MP4 by their content, never by their name, and of a bearable size.

Nothing is decoded here. What passes is a file whose container is whole; its pictures are the browser's to decode.

Sources: WebP container (RFC 9649); PNG (W3C, third edition); ISO base media file format (ISO 14496-12).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from mivactl.gallery.webp import read_webp
from registry_schema.errors import IntegrityProblem

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_PREVIEW_BYTES: Final = 16 << 20
MAX_SIDE: Final = 4096
MAX_PIXELS: Final = 1 << 23
_PNG_START: Final = b"\x89PNG\r\n\x1a\n"
_MP4_BRANDS: Final = frozenset(
    {b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"dash"}
)
_LARGEST_FTYP: Final = 1024


@dataclass(frozen=True)
class MediaFile:
    """A file that a page may show: bytes and the ending that tells a web server their kind."""

    content: bytes
    ending: Literal["webp", "png", "mp4"]


@dataclass(frozen=True)
class Media:
    """What a preview file offers: a picture that stands still, a clip that moves, or both."""

    still: MediaFile | None
    clip: MediaFile | None


def read_media(content: bytes) -> Media:
    """What the bytes of a preview offer.

    Raises:
        IntegrityProblem: they are no WebP, PNG or MP4 that is whole, or too large to be shown.
    """
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return _webp_media(content)
    if content.startswith(_PNG_START):
        return _png_media(content)
    if content[4:8] == b"ftyp":
        return _mp4_media(content)
    raise IntegrityProblem("is not a WebP, PNG or MP4 file by its content")


def _webp_media(content: bytes) -> Media:
    webp = read_webp(content)
    for width, height in webp.sizes:
        _check_size(width, height)
    whole = MediaFile(content, "webp")
    if webp.first_frame is None:
        return Media(still=whole, clip=None)
    return Media(still=MediaFile(webp.first_frame, "webp"), clip=whole)


def _png_media(content: bytes) -> Media:
    kinds: list[bytes] = []
    for kind, data in _png_chunks(content):
        if not kinds and (kind != b"IHDR" or len(data) != 13):
            raise IntegrityProblem("is a PNG file without a header")
        if kind == b"IHDR":
            _check_size(*struct.unpack(">II", data[:8]))
        if kind == b"acTL":
            raise IntegrityProblem("is an animated PNG, which would move by itself; animated WebP or MP4 is shown")
        kinds.append(kind)
    if not kinds or kinds[-1] != b"IEND":
        raise IntegrityProblem("is a PNG file that is cut off")
    return Media(still=MediaFile(content, "png"), clip=None)


def _png_chunks(content: bytes) -> Iterator[tuple[bytes, memoryview]]:
    position = len(_PNG_START)
    while position < len(content):
        if position + 12 > len(content):
            raise IntegrityProblem("is a PNG file that is cut off")
        length, kind = struct.unpack_from(">I4s", content, position)
        if position + 12 + length > len(content):
            raise IntegrityProblem("is a PNG file that is cut off")
        yield kind, memoryview(content)[position + 8 : position + 8 + length]
        position += 12 + length


def _mp4_media(content: bytes) -> Media:
    if content[8:12] not in _MP4_BRANDS:
        raise IntegrityProblem("is a file of the MP4 family that is no video")
    kinds = list(_mp4_boxes(content))
    if b"moov" not in kinds:
        raise IntegrityProblem("is an MP4 file without a description of its tracks")
    return Media(still=None, clip=MediaFile(content, "mp4"))


def _mp4_boxes(content: bytes) -> Iterator[bytes]:
    position = 0
    while position < len(content):
        header = content[position : position + 16]
        length, kind = struct.unpack(">I4s", header[:8]) if len(header) >= 8 else (2, b"")
        if length == 1 and len(header) == 16:
            (length,) = struct.unpack(">Q", header[8:])
        end = len(content) if length == 0 else position + length
        if 0 < length < 8 or end > len(content) or (kind == b"ftyp" and length > _LARGEST_FTYP):
            raise IntegrityProblem("is an MP4 file that is cut off")
        yield kind
        position = end


def _check_size(width: int, height: int) -> None:
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and width * height <= MAX_PIXELS):
        raise IntegrityProblem(
            f"has {width} x {height} pixels, the gallery shows at most {MAX_SIDE} a side and {MAX_PIXELS} in all"
        )
