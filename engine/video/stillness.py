"""How much of a clip moves, and where most of the motion is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from engine.video.small_frames import luma

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Levels, between the brightest and the darkest a cell of a small frame gets: film grain and compression stay below.
NOISE = 8.0
# Grain differs from frame to frame; the mean of so many has less of it.
SETTLED = 3


def moving_share(frames: NDArray[np.uint8]) -> float:
    """The share of small frames `f h w 3` whose brightness changes by more than noise does, 0 to 1."""
    return float((_range(frames) > NOISE).mean())


def busiest_place(frames: NDArray[np.uint8], aspect: float) -> float:
    """Where to put a crop of `aspect` (width by height) so that it holds the most motion, in [0, 1].

    The place slides along the side that a crop shortens; 0.5 is the middle, which wins where there is no difference.

    Args:
        frames: small ones, `f h w 3`.
        aspect: of the crop, which is as large as it can be.
    """
    moving = np.maximum(_range(frames) - NOISE, 0)
    height, width = moving.shape
    along = moving.sum(axis=0) if width > height * aspect else moving.sum(axis=1)
    length = round(height * aspect) if width > height * aspect else round(width / aspect)
    rest = len(along) - length
    if rest < 1:
        return 0.5
    held = np.convolve(along, np.ones(length), mode="valid")
    near_best = np.flatnonzero(held >= held.max() * (1 - 1e-3))
    return float(near_best[np.abs(near_best - rest / 2).argmin()] / rest)


def _range(frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    bright = luma(frames)
    if len(bright) >= 2 * SETTLED:
        bright = sliding_window_view(bright, SETTLED, axis=0).mean(axis=-1)
    return np.asarray(bright.max(axis=0) - bright.min(axis=0), dtype=np.float32)
