"""What moves in a clip, seen without its pictures: optical flow, and what changes from frame to frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from engine.video.optical_flow import flow

if TYPE_CHECKING:
    from jaxtyping import Float32, UInt8

MOMENTS: Final = (0, 3, 6, 9, 12)
"""Frames that are compared with the one after them; a flow takes 30 ms on one core."""


@dataclass(frozen=True)
class ClipMotion:
    """How a clip goes from a frame to the next, at each of `MOMENTS`.

    Attributes:
        flow: where each pixel lies in the next frame, in pixels right and down of it.
        change: the next frame's colours minus this one's, in shares of the full range.
    """

    flow: Float32[np.ndarray, "m h w 2"]
    change: Float32[np.ndarray, "m h w 3"]


def motion_of(frames: UInt8[np.ndarray, "f h w 3"]) -> ClipMotion:
    """The motion in the frames of a clip, 14 at least."""
    pairs = [(frames[place], frames[place + 1]) for place in MOMENTS]
    return ClipMotion(
        flow=np.stack([flow(this, following) for this, following in pairs]),
        change=np.stack([following.astype(np.float32) - this for this, following in pairs]) / 255,
    )
