"""GIF: comments stay when they are a receipt, application blocks only when they say how often to loop.

Source: GIF89a specification (CompuServe 1990), sections 18 to 27.
"""

from __future__ import annotations

from typing import Final

from mivactl.preview_metadata.receipt_text import is_receipt

_TRAILER, _IMAGE, _EXTENSION = 0x3B, 0x2C, 0x21
_COMMENT, _CONTROL, _APPLICATION = 0xFE, 0xF9, 0xFF
_LOOPS: Final = (b"NETSCAPE2.0", b"ANIMEXTS1.0")


def stripped_gif(data: bytes) -> bytes:
    """See `strip.stripped`."""
    if data[:4] != b"GIF8":
        raise ValueError("it does not start as a GIF file")
    position = 13 + _table_bytes(data[10])
    kept = [data[:position]]
    while data[position] != _TRAILER:
        end = _block_end(data, position)
        if _is_kept(data[position:end]):
            kept.append(data[position:end])
        position = end
    return b"".join([*kept, bytes([_TRAILER])])


def _table_bytes(packed: int) -> int:
    """The size of a colour table."""
    return 3 * 2 ** ((packed & 7) + 1) if packed & 0x80 else 0


def _block_end(data: bytes, position: int) -> int:
    if data[position] == _IMAGE:
        return _sub_blocks_end(data, position + 11 + _table_bytes(data[position + 9]))
    if data[position] == _EXTENSION:
        return _sub_blocks_end(data, position + 2)
    raise ValueError(f"byte {position} starts no block")


def _sub_blocks_end(data: bytes, position: int) -> int:
    while data[position]:
        position += 1 + data[position]
    return position + 1


def _is_kept(block: bytes) -> bool:
    if block[0] == _IMAGE or block[1] == _CONTROL:
        return True
    if block[1] == _APPLICATION:
        return block[3:14] in _LOOPS
    return block[1] == _COMMENT and is_receipt(_text(block))


def _text(block: bytes) -> bytes:
    parts, position = [], 2
    while block[position]:
        parts.append(block[position + 1 : position + 1 + block[position]])
        position += 1 + block[position]
    return b"".join(parts)
