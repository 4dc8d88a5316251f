"""Clips that nobody has to make: the picture itself, a slow zoom into it, and the real clip where there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from engine.video.framed_picture import resized
from engine.video.framing import Box

if TYPE_CHECKING:
    from jaxtyping import UInt8

ZOOM: Final = 0.15
"""Share of the picture that the last frame of a zoom has lost."""


def still(picture: UInt8[np.ndarray, "h w 3"], frames: int) -> UInt8[np.ndarray, "f h w 3"]:
    """The picture in every frame."""
    return np.repeat(picture[None], frames, axis=0)


def slow_zoom(picture: UInt8[np.ndarray, "h w 3"], frames: int) -> UInt8[np.ndarray, "f h w 3"]:
    """The picture, ever nearer: its sides shrink by equal shares, its middle stays."""
    height, width = picture.shape[:2]
    clip = [picture]
    for place in range(1, frames):
        share = (1 - ZOOM) ** (place / (frames - 1))
        box = Box(width * (1 - share) / 2, height * (1 - share) / 2, width * share, height * share)
        clip.append(resized(picture, (width, height), box=box))
    return np.stack(clip)
