"""One decoded frame with its time, and what goes wrong while decoding: between the decoders and `clip_reader`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class TimedFrame(NamedTuple):
    """Pixels `h w 3` uint8 sRGB, the second at which they appear, and for how many seconds they stay."""

    pixels: NDArray[np.uint8]
    seconds: float
    stays: float


class ClipDamage(Exception):
    """A decoder stopped before the end; `clip_reader` says in which clip."""


def shrunk_size(width: int, height: int, long_side: int | None) -> tuple[int, int]:
    """Width and height with the longer one at most `long_side`, the aspect kept."""
    longest = max(width, height)
    if long_side is None or longest <= long_side:
        return width, height
    return max(1, round(width * long_side / longest)), max(1, round(height * long_side / longest))
