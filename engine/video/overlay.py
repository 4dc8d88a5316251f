"""Something that stands still on a moving picture: a watermark, a logo, a caption. A hint, not a proof."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.video.framing import Box
from engine.video.optical_flow import softened
from engine.video.small_frames import luma, small_frames

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONG_SIDE = 192
SAMPLES = 12
FEWEST = 4
# Levels per pixel: an edge that a person sees.
EDGE = 10.0
# The share of an edge that is there in all frames alike: 1 in what stands still, less in what moves.
STANDS, MOVES = 0.85, 0.6
# Of all edges: so many must move for something to stand out, and so many pixels of the picture must stand.
MOVING_EDGES = 0.6
FEWEST_STANDING, MOST_STANDING = 0.0015, 0.08
# Edges along the path of a camera seem to stand as well; letters and logos have edges in other directions too.
ACROSS = 0.12
# The standing edges lie together: most of them in so much of the picture.
MOST, LARGEST_AREA = 0.8, 0.3


def overlay(frames: NDArray[np.uint8]) -> Box | None:
    """Where something with sharp edges stands still while the rest of frames `f h w 3` moves; none if nothing does.

    In shares of the picture. What stands still on a picture that stands still too can not be told from it.
    """
    if len(frames) < FEWEST:
        return None
    taken = frames[np.linspace(0, len(frames) - 1, min(SAMPLES, len(frames))).astype(int)]
    bright = luma(small_frames(taken, long_side=LONG_SIDE))
    down, across = np.gradient(bright, axis=1), np.gradient(bright, axis=2)
    slopes = np.stack([down, across], axis=-1)
    strength = np.hypot(slopes[..., 0], slopes[..., 1]).mean(axis=0)
    lasting = np.hypot(*np.moveaxis(slopes.mean(axis=0), -1, 0)) / np.maximum(strength, 1e-6)
    edges = strength > EDGE
    if not edges.any() or float((lasting[edges] < MOVES).mean()) < MOVING_EDGES:
        return None
    standing = edges & (lasting > STANDS)
    share = float(standing.mean())
    if not FEWEST_STANDING <= share <= MOST_STANDING or _spread(slopes.mean(axis=0)[standing]) < ACROSS:
        return None
    return _together(standing)


def _spread(slopes: NDArray[np.float32]) -> float:
    """How evenly slopes `n 2` point in all directions: 0 when all lie on a line, 1 when there is no such line."""
    low, high = np.linalg.eigvalsh(slopes.T @ slopes)
    return float(low / high)


def _together(standing: NDArray[np.bool_]) -> Box | None:
    """The part of the picture around the densest place, in shares, where most of the standing pixels lie there."""
    height, width = standing.shape
    dense = softened(standing.astype(np.float32), max(height, width) / 16)
    part = dense > dense.max() / 6
    if float(part.mean()) > LARGEST_AREA or float(standing[part].sum()) < MOST * float(standing.sum()):
        return None
    rows, columns = np.flatnonzero((part & standing).any(axis=1)), np.flatnonzero((part & standing).any(axis=0))
    left, top = columns[0] / width, rows[0] / height
    return Box(left, top, (columns[-1] + 1) / width - left, (rows[-1] + 1) / height - top)
