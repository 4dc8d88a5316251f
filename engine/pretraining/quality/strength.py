"""How strong a motion is where it belongs, beside that of the real clip."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from engine.pretraining.quality.clip_motion import MOMENTS
from engine.pretraining.quality.motions import WITHOUT_FLOW
from engine.video.optical_flow import softened

if TYPE_CHECKING:
    from jaxtyping import Bool

    from engine.pretraining.quality.clip_motion import ClipMotion
    from engine.pretraining.quality.real_clips import RealClip

SMALLEST: Final = 1e-9
"""Less than any motion that shows."""
NEIGHBOURHOOD: Final = 2.0
"""Pixels that a surface is judged by."""
PLAIN: Final = 25.0
"""Squared levels of 255: surfaces that vary less show no motion, and noise on them looks like one to any estimator."""
ENOUGH: Final = 0.1
"""Share of a region that has to vary; of plainer regions all is looked at."""


def where_seen(real: RealClip) -> Bool[np.ndarray, "m h w"]:
    """The pixels of the motion's region in which the true clip shows at each moment whether something moves."""
    varies = np.stack([_variation(real.frames[place]) > PLAIN for place in MOMENTS]) & real.region
    whole = np.broadcast_to(real.region, varies.shape)
    return varies if varies.sum() > ENOUGH * whole.sum() else whole


def flow_size(motion: ClipMotion, where: Bool[np.ndarray, "m h w"]) -> float:
    """Mean size of the flow at some pixels, in pixels from a frame to the next."""
    return float(np.linalg.norm(motion.flow[where], axis=-1).mean(dtype=np.float64))


def change_energy(motion: ClipMotion, region: Bool[np.ndarray, "h w"]) -> float:
    """Mean square of the change in a region, in squares of the full range."""
    return float(np.square(motion.change[:, region]).mean(dtype=np.float64))


def strength(made: ClipMotion, true: ClipMotion, real: RealClip) -> float:
    """Size of a motion in a clip that was made, as a ratio to the true clip: 1 is as strong, 0 is still.

    Measured by flow; by the energy of the change for motions that no flow describes.

    Args:
        made: of the clip that was made.
        true: of the real clip.
        real: the real clip.
    """
    if real.motion in WITHOUT_FLOW:
        return change_energy(made, real.region) / max(change_energy(true, real.region), SMALLEST)
    where = where_seen(real)
    return flow_size(made, where) / max(flow_size(true, where), SMALLEST)


def _variation(frame: np.ndarray) -> np.ndarray:
    """Mean square of how a frame h w 3 differs from its surroundings around each pixel, h w."""
    levels = frame.astype(np.float32)
    return softened(np.square(levels - softened(levels, NEIGHBOURHOOD)).mean(axis=-1), NEIGHBOURHOOD)
