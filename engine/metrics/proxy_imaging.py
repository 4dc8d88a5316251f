"""Imaging quality loss without a model: what frames lost or gained against the input picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from engine.metrics.metric import MetricFacts, Score
from engine.metrics.picture_features import LUMA

if TYPE_CHECKING:
    from jaxtyping import Float32, UInt8

    from engine.metrics.sample import Sample

BANDS: Final = 2
BLOCK: Final = 8
GRAIN: Final = 0.5
"""Levels of 255: finer detail than a clip's coding keeps."""
BLOCK_WEIGHT: Final = 1.0
EXPOSURE_WEIGHT: Final = 4.0


class ProxyImaging:
    """How far frames are from the input in sharpness and noise (octaves of fine detail), exposure and blockiness.

    0 is as the input. A frame that is sharper than the input counts as noisy, one that is softer as blurred.
    """

    facts = MetricFacts(
        name="proxy:imaging",
        title="imaging quality loss, without a model",
        unit="octaves",
        direction="down",
        source="ours",
    )

    def score(self, sample: Sample) -> Score:
        """The mean over frames."""
        wanted = _measures(sample.picture)
        return Score.mean_of(tuple(_loss(_measures(frame), wanted) for frame in sample.frames))


def _loss(found: Float32[np.ndarray, "m"], wanted: Float32[np.ndarray, "m"]) -> float:
    detail = np.abs(np.log2((found[:BANDS] + GRAIN) / (wanted[:BANDS] + GRAIN))).mean()
    exposure = abs(found[BANDS] - wanted[BANDS])
    blocks = max(0.0, float(found[BANDS + 1] - wanted[BANDS + 1]))
    return float(detail + EXPOSURE_WEIGHT * exposure + BLOCK_WEIGHT * blocks)


def _measures(frame: UInt8[np.ndarray, "h w 3"]) -> Float32[np.ndarray, "m"]:
    """Fine detail in levels, one number a band; mean brightness; how much steps at block borders stand out."""
    grey = frame.astype(np.float32) @ LUMA
    bands, level = [], grey
    for _ in range(BANDS):
        smooth = (level[1:-1, 1:-1] * 4 + level[:-2, 1:-1] + level[2:, 1:-1] + level[1:-1, :-2] + level[1:-1, 2:]) / 8
        bands.append(float(np.abs(level[1:-1, 1:-1] - smooth).mean()))
        level = level[: level.shape[0] // 2 * 2, : level.shape[1] // 2 * 2]
        level = (level[::2, ::2] + level[1::2, ::2] + level[::2, 1::2] + level[1::2, 1::2]) / 4
    return np.array([*bands, grey.mean() / 255, _blockiness(grey)], dtype=np.float32)


def _blockiness(grey: Float32[np.ndarray, "h w"]) -> float:
    """How many octaves steps across borders of 8x8 blocks are larger than the others."""
    octaves = []
    for axis in (0, 1):
        steps = np.abs(np.diff(grey, axis=axis)).mean(axis=1 - axis)
        border = np.arange(len(steps)) % BLOCK == BLOCK - 1
        if border.any() and not border.all():
            octaves.append(float(np.log2((steps[border].mean() + GRAIN) / (steps[~border].mean() + GRAIN))))
    return sum(octaves) / max(len(octaves), 1)
