"""How diffusers' `WanAttention` computes: norms over queries and keys, then rotation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

# the model's own helper: it alone knows whether the projections are fused
from diffusers.models.transformers.transformer_wan import _get_qkv_projections

from engine.bases.attention_layer import Projection, projected_query

if TYPE_CHECKING:
    from torch import Tensor

    from engine.bases.attention_layer import Rotary
    from engine.bases.diffusers_types import AttentionModule


class WanAttentionLayer:
    """Multi-head attention with RMS norm across heads on queries and keys, and rotary positions in self attention."""

    norms_query = True

    def project(self, attention: AttentionModule, hidden: Tensor, rotary: Rotary | None) -> Projection:
        """Queries, keys and values of `hidden` attending to itself."""
        raw_query, raw_key, value = _get_qkv_projections(attention, hidden, None)
        plain_key = _split(attention, attention.norm_k(raw_key))
        return Projection(
            raw_query=raw_query,
            query=self.query_heads(attention, raw_query, rotary),
            key=_rotated(plain_key, rotary),
            value=_split(attention, value),
            plain_key=plain_key,
        )

    def query(self, attention: AttentionModule, hidden: Tensor, *, biased: bool = True) -> Tensor:
        """The frozen query projection and norm."""
        return attention.norm_q(projected_query(attention, hidden, biased=biased))

    def query_heads(self, attention: AttentionModule, raw_query: Tensor, rotary: Rotary | None) -> Tensor:
        """Other queries, normalised, heads apart, rotated if `rotary` is given."""
        return _rotated(_split(attention, attention.norm_q(raw_query)), rotary)

    def output(self, attention: AttentionModule, merged: Tensor) -> Tensor:
        """The output projection (and its dropout, idle in eval mode)."""
        return attention.to_out[1](attention.to_out[0](merged))


def _split(attention: AttentionModule, tokens: Tensor) -> Tensor:
    return tokens.unflatten(-1, (attention.heads, -1))


def _rotated(heads: Tensor, rotary: Rotary | None) -> Tensor:
    """Each pair of channels turned by its position's angle, as diffusers' `WanAttnProcessor` does."""
    if rotary is None:
        return heads
    cosine, sine = rotary[0][..., 0::2], rotary[1][..., 1::2]
    even, odd = heads.unflatten(-1, (-1, 2)).unbind(-1)
    turned = torch.empty_like(heads)
    turned[..., 0::2] = even * cosine - odd * sine
    turned[..., 1::2] = even * sine + odd * cosine
    return turned.type_as(heads)
