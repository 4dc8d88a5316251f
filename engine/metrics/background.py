"""Background consistency: CLIP's view of the frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from engine.metrics.consistency import consistency
from engine.metrics.metric import MetricFacts
from engine.metrics.model_input import CLIP, centre, normalised, pixels_of, short_side

if TYPE_CHECKING:
    from jaxtyping import Float32, UInt8
    from numpy import ndarray
    from torch import Tensor, nn

    from engine.metrics.metric import Score
    from engine.metrics.sample import Sample


class BackgroundConsistency:
    """VBench's consistency over CLIP features of the middle of the frames; no background is cut out.

    Args:
        model: a `CLIPVisionModelWithProjection` of transformers.
    """

    facts = MetricFacts(
        name="vbench:background",
        title="background consistency",
        unit="",
        direction="up",
        source="VBench (arXiv 2311.17982), CLIP ViT-B/32 (arXiv 2103.00020)",
        weights=("clip-vit-b32",),
        verified=False,
    )

    def __init__(self, model: nn.Module) -> None:
        self._model = model

    def score(self, sample: Sample) -> Score:
        """See `consistency`."""
        return consistency(clip_features(self._model, sample.frames).double().numpy())


@torch.no_grad()
def clip_features(model: nn.Module, frames: UInt8[ndarray, "f h w 3"]) -> Float32[Tensor, "f d"]:
    """CLIP's features of the middle 224x224 pixels of each frame, 224 pixels on the short side; length 1."""
    pictures = normalised(centre(short_side(pixels_of(frames), "bicubic")), CLIP)
    features = torch.cat([model(pixel_values=picture[None]).image_embeds for picture in pictures])
    return torch.nn.functional.normalize(features.float(), dim=-1)
