"""MP4: boxes that hold metadata become empty space of the same size, so that no offset in the file changes.

Source: ISO/IEC 14496-12, sections 4.2 and 8.10; the item list is QuickTime's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mivactl.preview_metadata.receipt_text import is_receipt

if TYPE_CHECKING:
    from collections.abc import Iterator

_PARENTS: Final = frozenset({b"moov", b"trak", b"moof", b"traf"})
_METADATA: Final = frozenset({b"meta", b"uuid", b"XMP_", b"Xtra"})
_COMMENT, _ENCODER = b"\xa9cmt", b"\xa9too"
_VERSION_BYTES: Final = 4
_DATA_HEADER_BYTES: Final = 16


def stripped_mp4(data: bytes) -> bytes:
    """See `strip.stripped`."""
    if data[4:8] != b"ftyp":
        raise ValueError("it does not start as an MP4 file")
    content = bytearray(data)
    _empty_metadata(content, 0, len(content))
    return bytes(content)


def _boxes(content: bytearray, start: int, end: int) -> Iterator[tuple[bytes, int, int, int]]:
    """Kind, start, start of the content, and end of each box."""
    while start < end:
        size, header = int.from_bytes(content[start : start + 4]), 8
        if size == 1:
            size, header = int.from_bytes(content[start + 8 : start + 16]), 16
        elif size == 0:
            size = end - start
        if size < header or start + size > end:
            raise ValueError(f"the box at byte {start} is {size} bytes long, there are {end - start}")
        yield bytes(content[start + 4 : start + 8]), start, start + header, start + size
        start += size


def _empty_metadata(content: bytearray, start: int, end: int) -> None:
    for kind, box, inside, box_end in _boxes(content, start, end):
        if kind in _PARENTS:
            _empty_metadata(content, inside, box_end)
        elif kind == b"udta":
            _empty_user_data(content, inside, box_end)
        elif kind in _METADATA:
            _empty(content, box, inside, box_end)


def _empty_user_data(content: bytearray, start: int, end: int) -> None:
    """Of user data only the item list of a `meta` box stays, and of that the encoder's name and a receipt."""
    if end - start >= 4 and content[end - 4 : end] == bytes(4) and _is_whole(content, start, end - 4):
        end -= 4  # QuickTime closes user data with four zero bytes
    for kind, box, inside, box_end in _boxes(content, start, end):
        if kind != b"meta":
            _empty(content, box, inside, box_end)
            continue
        for part, part_box, part_inside, part_end in _boxes(content, inside + _VERSION_BYTES, box_end):
            if part == b"ilst":
                _empty_items(content, part_inside, part_end)
            elif part != b"hdlr":
                _empty(content, part_box, part_inside, part_end)


def _is_whole(content: bytearray, start: int, end: int) -> bool:
    """Whether boxes fill the range."""
    try:
        return all(True for _ in _boxes(content, start, end))
    except ValueError:
        return False


def _empty_items(content: bytearray, start: int, end: int) -> None:
    for kind, box, inside, box_end in _boxes(content, start, end):
        text = bytes(content[inside + _DATA_HEADER_BYTES : box_end])
        if not (kind == _ENCODER or (kind == _COMMENT and is_receipt(text))):
            _empty(content, box, inside, box_end)


def _empty(content: bytearray, box: int, inside: int, end: int) -> None:
    content[box + 4 : box + 8] = b"free"
    content[inside:end] = bytes(end - inside)
