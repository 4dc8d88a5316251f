"""Motion smoothness: frames left out are drawn by AMT-S and compared."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import torch

from engine.metrics.flicker import LEVELS
from engine.metrics.metric import MetricFacts, Score
from engine.metrics.model_input import pixels_of
from engine.metrics.networks.amt import between

if TYPE_CHECKING:
    from engine.metrics.networks.amt import Amt
    from engine.metrics.sample import Sample


class MotionSmoothness:
    """(255 - mean absolute difference of odd frames to what AMT-S draws between their neighbours) / 255.

    VBench shrinks large clips by the card's memory; here the size of a run is fixed, and nothing is shrunk.
    """

    facts = MetricFacts(
        name="vbench:smoothness",
        title="motion smoothness",
        unit="",
        direction="up",
        source="VBench (arXiv 2311.17982), AMT-S (arXiv 2304.09790)",
        weights=("amt-s",),
        verified=False,
    )

    def __init__(self, model: Amt) -> None:
        self._model = model

    @torch.no_grad()
    def score(self, sample: Sample) -> Score:
        """The mean over odd frames that have both neighbours."""
        pixels = pixels_of(sample.frames[::2]) / 255
        drawn = [between(self._model, one[None], other[None])[0] for one, other in itertools.pairwise(pixels)]
        # the published code cuts levels off, it does not round them
        levels = (torch.stack(drawn) * 255).permute(0, 2, 3, 1).numpy().clip(0, 255).astype(np.uint8)
        wanted = sample.frames[1::2][: len(levels)].astype(np.int16)
        errors = np.abs(wanted - levels).reshape(len(levels), -1).mean(axis=1, dtype=np.float64)
        return Score.mean_of(tuple(float((LEVELS - error) / LEVELS) for error in errors))
