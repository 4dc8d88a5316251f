"""Frames as small as a glance: what statistics of a whole clip are computed from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.video.optical_flow import enlarged
from engine.video.timed_frame import shrunk_size

if TYPE_CHECKING:
    from numpy.typing import NDArray

GLANCE = 64
# the weights of BT.709 luma
LUMA = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)


def small_frames(frames: NDArray[np.uint8], *, long_side: int = GLANCE) -> NDArray[np.uint8]:
    """Frames `f h w 3` with their longer side at most `long_side`; each pixel is the mean of the area it covers."""
    height, width = frames.shape[1:3]
    size = shrunk_size(width, height, long_side)
    return frames if size == (width, height) else np.stack([enlarged(frame, size) for frame in frames])


def luma(frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The brightness of frames `... 3`, in 8-bit levels."""
    return np.asarray(frames.astype(np.float32) @ LUMA, dtype=np.float32)
