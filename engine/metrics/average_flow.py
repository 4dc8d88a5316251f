"""Average flow: how much moves, as RAFT sees it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

import torch
from torch.nn import functional as F

from engine.metrics.metric import MetricFacts, Score
from engine.metrics.model_input import pixels_of

if TYPE_CHECKING:
    from torch import Tensor

    from engine.metrics.networks.raft import Raft
    from engine.metrics.sample import Sample

ITERATIONS: Final = 20
MULTIPLE: Final = 8
SMALLEST_SIDE: Final = 128
"""Of a picture that RAFT sees: at an eighth of it, four halvings must leave two pixels."""


class AverageFlow:
    """Mean length of the flow over all pixels, then over pairs of frames; depends on size and rate of the clip."""

    facts = MetricFacts(
        name="evalcrafter:flow",
        title="average flow",
        unit="pixels per frame",
        direction="none",
        source="EvalCrafter (arXiv 2310.11440), RAFT with 20 iterations (arXiv 2003.12039)",
        weights=("raft-things",),
        verified=False,
    )

    def __init__(self, model: Raft) -> None:
        self._model = model

    @torch.no_grad()
    def score(self, sample: Sample) -> Score:
        """The mean over pairs of frames."""
        height, width = sample.frames.shape[1:3]
        pixels = _padded(pixels_of(sample.frames))
        lengths = []
        for this, following in itertools.pairwise(pixels):
            flow = self._model(this[None], following[None], iterations=ITERATIONS)[0, :, :height, :width]
            lengths.append(float(flow.norm(dim=0).mean()))
        return Score.mean_of(tuple(lengths))


def _padded(pixels: Tensor) -> Tensor:
    """Sides that RAFT can halve, by repeating the right and lower edges."""
    height, width = pixels.shape[-2:]
    down, across = (max(SMALLEST_SIDE - side, -side % MULTIPLE) for side in (height, width))
    return F.pad(pixels, (0, across, 0, down), mode="replicate")
