"""Aesthetic quality loss: what a clip loses of the beauty of its input picture, as LAION's judges see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch

from engine.metrics.background import clip_features
from engine.metrics.metric import MetricFacts, Score
from engine.metrics.quality_loss import quality_loss

if TYPE_CHECKING:
    from numpy import ndarray
    from torch import nn

    from engine.metrics.sample import Sample

SCALE: Final = 10.0


class AestheticLoss:
    """Score of the input picture minus the mean score of the frames.

    Args:
        model: a `CLIPVisionModelWithProjection` of transformers.
        head: a linear map from its features to a number of about 0 to 10.
    """

    facts = MetricFacts(
        name="vbench:aesthetic-loss",
        title="aesthetic quality loss",
        unit="",
        direction="down",
        source="MIVA 4.1; VBench (arXiv 2311.17982), CLIP ViT-L/14 with LAION's linear head",
        weights=("clip-vit-l14", "laion-aesthetic"),
        verified=False,
    )

    def __init__(self, model: nn.Module, head: nn.Linear) -> None:
        self._model = model
        self._head = head

    def score(self, sample: Sample) -> Score:
        """The difference; above 0 the clip is worse than its picture."""
        return quality_loss(sample, self._qualities)

    @torch.no_grad()
    def _qualities(self, frames: ndarray) -> list[float]:
        found: list[float] = (self._head(clip_features(self._model, frames))[:, 0] / SCALE).tolist()
        return found
