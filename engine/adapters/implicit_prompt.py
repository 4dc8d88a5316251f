"""The implicit prompt: a small network in the place of cross attention to words (MIVA 3.3.2)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

from engine.adapters.low_rank import FollowingLayerNorm, FollowingLinear
from engine.adapters.part import AdapterPart

if TYPE_CHECKING:
    from torch import Tensor

    from engine.bases.attention_site import AttentionSite


class ImplicitPrompt(AdapterPart):
    """`W_3 gelu(norm(W_2 q))` with q the base's frozen query; the base's keys, values and output are not used.

    With a fixed prompt c, cross attention is softmax(q (c W_K)^T) c W_V W_O: both factors are constants, learnt here
    directly. W_3 starts at zero.

    Args:
        site: a cross-attention site.
        rank: hidden width, the number of prompt tokens it stands for.
        query_bias: whether the bias of the base's query takes part.
    """

    def __init__(self, site: AttentionSite, rank: int, *, query_bias: bool = True) -> None:
        super().__init__()
        self.query_bias = query_bias
        self.down = FollowingLinear(site.width, rank, bias=False)
        self.norm = FollowingLayerNorm(rank)
        self.up = FollowingLinear(rank, site.width, bias=False)

    def start(self, site: AttentionSite, generator: torch.Generator) -> None:
        """Begin with an output of zero."""
        with torch.no_grad():
            drawn = torch.empty(self.down.weight.shape)
            nn.init.kaiming_uniform_(drawn, a=math.sqrt(5), generator=generator)
            self.down.weight.copy_(drawn)
            self.norm.weight.fill_(1)
            self.norm.bias.zero_()
            self.up.weight.zero_()

    def from_query(self, query: Tensor) -> Tensor:
        """The layer's output ... x d for the base's queries ... x d."""
        return self.from_rank(self.down(query))

    def from_rank(self, low: Tensor) -> Tensor:
        """The layer's output ... x d for projected queries ... x rank."""
        output: Tensor = self.up(F.gelu(self.norm(low)))
        return output

    def folded(self, projection: nn.Linear) -> tuple[Tensor, Tensor | None]:
        """Weight and bias of `down` after the base's query `projection`, as one map from hidden states to rank.

        Exact where the base has no norm between the two. The base's weights may lie elsewhere.
        """
        dtype = projection.weight.dtype
        with torch.no_grad():
            down = self.down.weight.to(torch.promote_types(dtype, torch.float32))
            weight = (down @ projection.weight.to(down)).to(dtype)
            without = projection.bias is None or not self.query_bias
            bias = None if without else (down @ projection.bias.to(down)).to(dtype)
            return weight, bias
