"""Something that stands still on a moving picture: a watermark, a logo, a caption. A hint, not a proof."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.video.framing import Box
from engine.video.optical_flow import flow, softened
from engine.video.small_frames import luma, small_frames

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONG_SIDE = 192
SAMPLES = 12
FEWEST, SHORTEST = 4, 16
# Levels per pixel: an edge that a person sees.
EDGE = 10.0
# The share of an edge that is there in all frames alike: 1 in what stands still, less in what moves.
STANDS, MOVES = 0.85, 0.6
# Of all other edges, so many must move for something to stand out.
MOVING_EDGES = 0.55
# Around a mark, so many of the edges stand, and they are so dense; of the picture, it takes so much.
MOST, DENSE = 0.6, 0.06
SMALLEST, LARGEST = 0.003, 0.25
# Edges along the path of a camera seem to stand as well; letters and logos have edges in other directions too.
ACROSS = 0.15
TOUCHED = 0.01
# Pixels of the small frames, over the clip: what would go less far by itself is no mark.
LEAST_SHIFT = 12.0


def overlay(frames: NDArray[np.uint8]) -> Box | None:
    """Where something with sharp edges stands still while the rest of frames `f h w 3` moves; none if nothing does.

    In shares of the picture. What stands still on a picture that stands still too can not be told from it.
    """
    if len(frames) < FEWEST or min(frames.shape[1:3]) < SHORTEST:
        return None
    taken = small_frames(
        frames[np.linspace(0, len(frames) - 1, min(SAMPLES, len(frames))).astype(int)], long_side=LONG_SIDE
    )
    bright = luma(taken)
    slopes = np.stack([np.gradient(bright, axis=1), np.gradient(bright, axis=2)], axis=-1)
    strength = np.hypot(slopes[..., 0], slopes[..., 1]).mean(axis=0)
    mean_slope = slopes.mean(axis=0)
    lasting = np.hypot(mean_slope[..., 0], mean_slope[..., 1]) / np.maximum(strength, 1e-6)
    edges = strength > EDGE
    standing = edges & (lasting > STANDS)
    mark = standing & _crowded(standing, edges)
    elsewhere = edges & ~_near(mark)
    if float(mark.mean()) < SMALLEST or not elsewhere.any():
        return None
    moves = float((lasting[elsewhere] < MOVES).mean()) >= MOVING_EDGES
    if not moves or _spread(mean_slope[mark]) < ACROSS or not _should_move(taken, mark, elsewhere):
        return None
    return _around(mark)


def _should_move(frames: NDArray[np.uint8], mark: NDArray[np.bool_], elsewhere: NDArray[np.bool_]) -> bool:
    """Whether a camera that moves as the rest of the picture does would move the place of a mark as well.

    Around the point that a zoom or a roll leaves in its place, all stands.
    """
    middle = len(frames) // 2
    moved = flow(frames[middle - 1], frames[middle])
    rows, columns = np.nonzero(elsewhere)
    places = np.column_stack([columns, rows, np.ones(len(rows))])
    affine, *_ = np.linalg.lstsq(places, moved[rows, columns].astype(np.float64), rcond=None)
    row, column = np.nonzero(mark)
    shift = np.array([column.mean(), row.mean(), 1.0]) @ affine
    return float(np.hypot(*shift)) * (len(frames) - 1) >= LEAST_SHIFT


def _near(mark: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.asarray(softened(mark.astype(np.float32), max(mark.shape) / 64) > TOUCHED, dtype=np.bool_)


def _crowded(standing: NDArray[np.bool_], edges: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where most of the edges nearby stand, and there are many."""
    near = max(standing.shape) / 48
    among = softened(standing.astype(np.float32), near)
    of = softened(edges.astype(np.float32), near)
    return np.asarray((among > DENSE) & (among > MOST * of), dtype=np.bool_)


def _spread(slopes: NDArray[np.float32]) -> float:
    """How evenly slopes `n 2` point in all directions: 0 when all lie on a line, 1 when there is no such line."""
    low, high = np.linalg.eigvalsh(slopes.T @ slopes)
    return float(low / high)


def _around(mark: NDArray[np.bool_]) -> Box | None:
    """The part of the picture around a mark, without stray pixels; none where it is all over the picture."""
    height, width = mark.shape
    rows, columns = np.nonzero(mark)
    top, bottom = np.percentile(rows, (2, 98))
    left, right = np.percentile(columns, (2, 98))
    box = Box(left / width, top / height, (right - left + 1) / width, (bottom - top + 1) / height)
    return box if box.width * box.height <= LARGEST else None
