"""How much a frame looks at frame 0 and how much at the frame before it: l1 and l2 of MIVA Eq. (2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

from engine.adapters.low_rank import FollowingLinear

if TYPE_CHECKING:
    from torch import Tensor


class LearnedWeights(FollowingLinear):
    """(l1, l2) = softmax((A silu(e) + b) / temperature), one pair per sample.

    A and b start at zero, hence with (1/2, 1/2); the official code starts at random.

    Source: MIVA 3.3.1; `AdaptiveWeight` in the authors' code, which reads sample 0 only.
    """

    def __init__(self, time_width: int, temperature: float) -> None:
        super().__init__(time_width, 2)
        self.temperature = temperature

    def start(self) -> None:
        """Begin with equal weights."""
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, time_embedding: Tensor) -> Tensor:
        """Weights (s 2) of time embeddings (s, time width); float32, since they multiply everything."""
        logits = super().forward(F.silu(time_embedding.float()))
        return (logits.float() / self.temperature).softmax(dim=-1)


class FixedWeights(nn.Module):
    """(first, 1 - first) for every sample; nothing is trained."""

    def __init__(self, first: float) -> None:
        super().__init__()
        self.first = first

    def start(self) -> None:
        """Nothing to set."""

    def forward(self, time_embedding: Tensor) -> Tensor:
        """Weights (s 2)."""
        pair = torch.tensor([self.first, 1 - self.first], device=time_embedding.device)
        return pair.expand(time_embedding.shape[0], 2)
