"""Linear maps whose weights follow their input's number format, and low-rank ones among them.

Names follow peft (`lora_A`, `lora_B`), so that files can be read by its tools. peft's own layers are not used: they
replace the base's linears, and a base's keys must stay what they are.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from torch import Tensor


class FollowingLinear(nn.Linear):
    """A linear layer with weights kept in float32 for training and applied in the format of what comes in."""

    def forward(self, hidden: Tensor) -> Tensor:
        """Apply the layer to ... x in_features."""
        bias = None if self.bias is None else self.bias.to(hidden.dtype)
        return F.linear(hidden, self.weight.to(hidden.dtype), bias)


class FollowingLayerNorm(nn.LayerNorm):
    """A layer norm with weights kept in float32 for training and applied in the format of what comes in."""

    def forward(self, hidden: Tensor) -> Tensor:
        """Normalise the last axis."""
        weight, bias = self.weight.to(hidden.dtype), self.bias.to(hidden.dtype)
        return F.layer_norm(hidden, self.normalized_shape, weight, bias, self.eps)


class LowRank(nn.Module):
    """`scale * B A`, a d x d map of rank r. `B` starts at zero, so the map does.

    Args:
        width: d.
        rank: r.
        scale: alpha / rank.
    """

    def __init__(self, width: int, rank: int, *, scale: float = 1.0) -> None:
        super().__init__()
        self.lora_A = FollowingLinear(width, rank, bias=False)
        self.lora_B = FollowingLinear(rank, width, bias=False)
        self.scale = scale

    def start(self, generator: torch.Generator, *, deviation: float | None = None) -> None:
        """Draw `A` (uniform as peft does, or normal with `deviation`), zero `B`."""
        with torch.no_grad():
            if deviation is None:
                drawn = torch.empty(self.lora_A.weight.shape)
                nn.init.kaiming_uniform_(drawn, a=math.sqrt(5), generator=generator)
            else:
                drawn = torch.randn(self.lora_A.weight.shape, generator=generator) * deviation
            self.lora_A.weight.copy_(drawn)
            self.lora_B.weight.zero_()

    def forward(self, hidden: Tensor) -> Tensor:
        """Apply the map to ... x d."""
        low = self.lora_A(hidden)  # scaled here, where it is narrow
        update: Tensor = self.lora_B(low if self.scale == 1 else low * self.scale)
        return update
