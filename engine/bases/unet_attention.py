"""How diffusers' `Attention` computes inside the transformers of a U-Net."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.bases.attention_layer import Projection, projected_query

if TYPE_CHECKING:
    from torch import Tensor

    from engine.bases.attention_layer import Rotary
    from engine.bases.diffusers_types import AttentionModule


class UNetAttention:
    """Plain multi-head attention: no norm and no rotation of queries and keys."""

    norms_query = False

    def project(self, attention: AttentionModule, hidden: Tensor, rotary: Rotary | None) -> Projection:
        """Queries, keys and values of `hidden` attending to itself."""
        raw_query = attention.to_q(hidden)
        key = _split(attention, attention.to_k(hidden))
        return Projection(
            raw_query=raw_query,
            query=_split(attention, raw_query),
            key=key,
            value=_split(attention, attention.to_v(hidden)),
            plain_key=key,
        )

    def query(self, attention: AttentionModule, hidden: Tensor, *, biased: bool = True) -> Tensor:
        """The frozen query projection."""
        return projected_query(attention, hidden, biased=biased)

    def query_heads(self, attention: AttentionModule, raw_query: Tensor, rotary: Rotary | None) -> Tensor:
        """Other queries, heads apart."""
        return _split(attention, raw_query)

    def output(self, attention: AttentionModule, merged: Tensor) -> Tensor:
        """The output projection (and its dropout, idle in eval mode)."""
        return attention.to_out[1](attention.to_out[0](merged))


def _split(attention: AttentionModule, tokens: Tensor) -> Tensor:
    return tokens.unflatten(-1, (attention.heads, -1))
