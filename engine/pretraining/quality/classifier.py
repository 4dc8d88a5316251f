"""A small video classifier that names the motion of a clip from maps of its motion alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from engine.pretraining.quality.features import CHANNELS
from engine.pretraining.quality.motions import CLASSES

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor


class MotionClassifier(nn.Module):
    """Convolutions over each moment, then over moments; what is found is summed up over four by two parts and moments.

    A picture mirrored is another motion, so nothing is mirrored here or in training.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.moments = nn.Sequential(
            _convolved(CHANNELS, width, stride=1),
            _convolved(width, 2 * width, stride=2),
            _convolved(2 * width, 2 * width, stride=2),
        )
        self.time = nn.Sequential(nn.Conv1d(2 * width, 2 * width, 3, padding=1), nn.GroupNorm(8, 2 * width), nn.SiLU())
        self.parts = nn.AdaptiveAvgPool2d((2, 4))
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(2 * width * 10, len(CLASSES)))

    def forward(self, features: Float[Tensor, "b c m h w"]) -> Float[Tensor, "b k"]:
        """A score for each of `CLASSES`."""
        count, moments = features.shape[0], features.shape[2]
        maps = self.moments(features.transpose(1, 2).flatten(0, 1)).unflatten(0, (count, moments))
        height, width = maps.shape[-2:]
        followed = self.time(maps.permute(0, 3, 4, 2, 1).flatten(0, 2))
        maps = followed.unflatten(0, (count, height, width)).permute(0, 3, 4, 1, 2)
        means = self.parts(maps.mean(2)).flatten(1)
        most = maps.amax(2)
        return self.head(torch.cat([means, most.amax((-2, -1)), most.mean((-2, -1))], 1))

    @torch.no_grad()
    def classes_of(self, features: Float[Tensor, "b c m h w"]) -> Int[Tensor, "b"]:
        """The place in `CLASSES` of each clip's most likely motion."""
        return self.eval()(features).argmax(1)

    def name_of(self, features: Float[Tensor, "c m h w"]) -> str:
        """The most likely motion of one clip."""
        return CLASSES[int(self.classes_of(features[None])[0])]


def _convolved(channels: int, width: int, *, stride: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(channels, width, 3, stride=stride, padding=1), nn.GroupNorm(8, width), nn.SiLU())
