"""How much a clip moves, and how far it gets from its first frame: two numbers that clips and previews are held to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from engine.video.optical_flow import flow, warped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import UInt8

PAIRS: Final = 5
"""Frames that are compared with the one after them, evenly spread."""
FAR_FRAMES: Final = 3
"""Frames that are compared with the first one; the last is among them."""
BEST_PSNR: Final = 60.0
"""Closer than this is the same picture."""
SMALLEST_FLOW: Final = 1e-3
"""Pixels; no flow is told apart from none below it."""


@dataclass(frozen=True)
class MotionMarks:
    """Of one clip, or the mean of several.

    Attributes:
        flow: mean length of the optical flow from a frame to the next, in pixels.
        kept: PSNR in dB of later frames to the first one moved to where the flow leads: how much of a frame is the
            first one's picture, whatever moved.
    """

    flow: float
    kept: float


def motion_marks(frames: UInt8[np.ndarray, "f h w 3"]) -> MotionMarks:
    """The marks of a clip; one of a single frame stands still."""
    last = len(frames) - 1
    if last == 0:
        return MotionMarks(0.0, BEST_PSNR)
    starts = np.unique(np.linspace(0, last - 1, min(PAIRS, last)).round().astype(int))
    lengths = [np.linalg.norm(flow(frames[place], frames[place + 1]), axis=-1).mean() for place in starts]
    far = np.unique(np.linspace(last, 1, min(FAR_FRAMES, last)).round().astype(int))
    kept = [_psnr(frames[place], warped(frames[0], flow(frames[place], frames[0]))) for place in far]
    return MotionMarks(float(np.mean(lengths)), float(np.mean(kept)))


def mean_marks(marks: Sequence[MotionMarks]) -> MotionMarks:
    """The mean of several clips, at least one."""
    return MotionMarks(float(np.mean([one.flow for one in marks])), float(np.mean([one.kept for one in marks])))


def _psnr(first: np.ndarray, second: np.ndarray) -> float:
    error = float(np.square(first.astype(np.float32) - second.astype(np.float32)).mean())
    return BEST_PSNR if error == 0 else min(BEST_PSNR, 10 * float(np.log10(255**2 / error)))
