"""Bars of one colour around the picture of a film: letterbox and pillarbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.video.framing import Box

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Levels that compression adds to a plain bar, to all but a few pixels of it; an edge rings over so many rows.
PLAIN, STRAY = 10, 0.02
RINGING = 4
# A bar is at least this share of its side, and so much brighter or darker than the picture along its edge.
THINNEST = 0.02
EDGE_STEP = 12.0
# How far a bar may be wider than the one across.
UNEVEN_SHARE = 0.02
SAMPLES = 5


def picture_area(frames: NDArray[np.uint8]) -> Box:
    """The part of frames `f h w 3` that is picture: all of them, or what lies between two bars.

    Bars come in pairs of about the same width and one colour, which stays; a dark sky over a bright meadow is none.
    """
    height, width = frames.shape[1:3]
    taken = frames[np.linspace(0, len(frames) - 1, min(SAMPLES, len(frames))).astype(int)].astype(np.int16)
    top, bottom = _pair(taken)
    left, right = _pair(taken.transpose(0, 2, 1, 3))
    return Box(left, top, width - left - right, height - top - bottom)


def _pair(frames: NDArray[np.int16]) -> tuple[int, int]:
    """How many rows are bar at the top and at the bottom; both 0 where there are no two."""
    rows = frames.shape[1]
    top, bottom = _plain_rows(frames), _plain_rows(frames[:, ::-1])
    least = max(2, round(THINNEST * rows))
    same_width = abs(top - bottom) <= max(2, UNEVEN_SHARE * rows)
    if min(top, bottom) < least or not same_width or top + bottom >= rows:
        return 0, 0
    alike = float(np.abs(np.median(frames[:, 0], axis=(0, 1)) - np.median(frames[:, -1], axis=(0, 1))).max()) <= PLAIN
    step = min(_step(frames, top), _step(frames[:, ::-1], bottom))
    return (top, bottom) if alike and step >= EDGE_STEP else (0, 0)


def _step(frames: NDArray[np.int16], bar: int) -> float:
    """How much the picture differs, in its first rows, from the end of the bar above it: a gradient hardly does."""
    apart = np.abs(frames[:, bar : bar + RINGING] - frames[:, bar - 2, None])
    return float(apart.mean(axis=(0, 2, 3)).max())


def _plain_rows(frames: NDArray[np.int16]) -> int:
    """How many rows from the top have the colour of the first one, everywhere and in every frame."""
    colour = np.median(frames[:, 0], axis=(0, 1))
    off = (np.abs(frames - colour) > PLAIN).any(axis=3).mean(axis=(0, 2)) > STRAY
    return int(off.argmax()) if off.any() else frames.shape[1]
