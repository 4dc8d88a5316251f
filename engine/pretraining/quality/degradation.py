"""Clips made to look as if a small model had made them, so that the classifier does not go by how clean they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.video.optical_flow import softened

if TYPE_CHECKING:
    from jaxtyping import UInt8

    from engine.pretraining.scenes.draws import Draws

BLUR = (0.3, 1.0)
"""Pixels."""
NOISE = 3.0
"""Levels of 255, at most."""
BLOTCHES, BLOTCH_SIZE = 3.0, (2.0, 5.0)
"""Levels of 255, at most; pixels."""


def degraded(frames: UInt8[np.ndarray, "f h w 3"], draws: Draws) -> UInt8[np.ndarray, "f h w 3"]:
    """The clip, all frames but the first blurred, with noise and blotches that change from frame to frame."""
    later = frames[1:].astype(np.float32)
    if draws.chance(0.5):
        blur = draws.uniform(*BLUR)
        later = np.stack([softened(frame, blur) for frame in later])
    noise = draws.normal(*later.shape).numpy() * draws.uniform(0, NOISE)
    size = draws.uniform(*BLOTCH_SIZE)
    blotches = np.stack([softened(frame, size) for frame in draws.normal(*later.shape).numpy()])
    blotches *= draws.uniform(0, BLOTCHES) / blotches.std()
    levels = (later + noise + blotches).round().clip(0, 255).astype(np.uint8)
    return np.concatenate([frames[:1], levels])
