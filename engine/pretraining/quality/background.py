"""How well what should stand still is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from engine.animation.clip_comparison import psnr

if TYPE_CHECKING:
    from jaxtyping import Bool, UInt8

SMALLEST_BACKGROUND: Final = 0.02
"""Share of the picture below which there is no background to speak of."""


def background_psnr(
    frames: UInt8[np.ndarray, "f h w 3"], picture: UInt8[np.ndarray, "h w 3"], region: Bool[np.ndarray, "h w"]
) -> float | None:
    """PSNR in dB of all frames to the picture outside the motion's region; infinite where all is as it was.

    None where the region leaves next to nothing.
    """
    outside = ~region
    if outside.mean() < SMALLEST_BACKGROUND:
        return None
    kept = frames[:, outside]
    return psnr(kept, np.broadcast_to(picture[outside], kept.shape))
