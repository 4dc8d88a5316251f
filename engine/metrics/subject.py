"""Subject consistency: DINO's view of the frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from engine.metrics.consistency import consistency
from engine.metrics.metric import MetricFacts
from engine.metrics.model_input import IMAGENET, normalised, pixels_of, short_side

if TYPE_CHECKING:
    from torch import nn

    from engine.metrics.metric import Score
    from engine.metrics.sample import Sample


class SubjectConsistency:
    """VBench's consistency over DINO features of whole frames, 224 pixels on the short side.

    Args:
        model: a `ViTModel` of transformers. It fits positions to other sizes by size, DINO's own code by factor, which
            differs in the last digits.
    """

    facts = MetricFacts(
        name="vbench:subject",
        title="subject consistency",
        unit="",
        direction="up",
        source="VBench (arXiv 2311.17982), DINO ViT-B/16 (arXiv 2104.14294)",
        weights=("dino-vitb16",),
        verified=False,
    )

    def __init__(self, model: nn.Module) -> None:
        self._model = model

    @torch.no_grad()
    def score(self, sample: Sample) -> Score:
        """See `consistency`."""
        pictures = normalised(short_side(pixels_of(sample.frames), "bilinear"), IMAGENET)
        seen = [
            self._model(picture[None], interpolate_pos_encoding=True).last_hidden_state[0, 0] for picture in pictures
        ]
        return consistency(torch.stack(seen).double().numpy())
