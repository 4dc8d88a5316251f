"""Imaging quality loss: what a clip loses of the technical quality of its input picture, as MUSIQ sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch
from torch.nn import functional as F

from engine.metrics.metric import MetricFacts, Score
from engine.metrics.model_input import pixels_of
from engine.metrics.quality_loss import quality_loss

if TYPE_CHECKING:
    from numpy import ndarray

    from engine.metrics.networks.musiq import Musiq
    from engine.metrics.sample import Sample

SCALE: Final = 100.0
LONGEST: Final = 512


class ImagingLoss:
    """Score of the input picture minus the mean score of the frames; pictures of 512 pixels at most."""

    facts = MetricFacts(
        name="vbench:imaging-loss",
        title="imaging quality loss",
        unit="",
        direction="down",
        source="MIVA 4.1; VBench (arXiv 2311.17982), MUSIQ on SPAQ (arXiv 2108.05997)",
        weights=("musiq-spaq",),
        verified=False,
    )

    def __init__(self, model: Musiq) -> None:
        self._model = model

    def score(self, sample: Sample) -> Score:
        """The difference; above 0 the clip is worse than its picture."""
        return quality_loss(sample, self._qualities)

    @torch.no_grad()
    def _qualities(self, frames: ndarray) -> list[float]:
        pixels = pixels_of(frames)
        height, width = pixels.shape[-2:]
        if max(height, width) > LONGEST:
            scale = LONGEST / max(height, width)
            size = (int(height * scale), int(width * scale))
            pixels = F.interpolate(pixels, size, mode="bilinear", align_corners=False)
        return [float(self._model(picture[None] / 255)) / SCALE for picture in pixels]
