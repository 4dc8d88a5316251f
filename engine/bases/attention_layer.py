"""How one family of models computes an attention layer, in steps that adapters can share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from diffusers.models.attention_dispatch import dispatch_attention_fn
from torch.nn import functional as F

if TYPE_CHECKING:
    from diffusers.models.attention_dispatch import AttentionBackendName
    from torch import Tensor

    from engine.bases.diffusers_types import AttentionModule

Rotary = tuple["Tensor", "Tensor"]


@dataclass(frozen=True)
class Projection:
    """Queries, keys and values of one attention layer, heads apart: rows, tokens, heads, head width.

    Args:
        raw_query: rows, tokens, d: the query before norm and rotation, what low-rank updates are added to.
        query: ready for attention.
        key: ready for attention.
        value: ready for attention.
        plain_key: the key without rotation; the same tensor as `key` where the family rotates nothing.
    """

    raw_query: Tensor
    query: Tensor
    key: Tensor
    value: Tensor
    plain_key: Tensor


class AttentionLayer(Protocol):
    """The steps of an attention layer. Linear layers are called, not read: hooks and wrappers on them keep working."""

    norms_query: bool

    def project(self, attention: AttentionModule, hidden: Tensor, rotary: Rotary | None) -> Projection:
        """Queries, keys and values of `hidden` (rows, tokens, d) attending to itself."""

    def query(self, attention: AttentionModule, hidden: Tensor, *, biased: bool = True) -> Tensor:
        """What the frozen query projection makes of `hidden`, its norm and, if `biased`, its bias included."""

    def query_heads(self, attention: AttentionModule, raw_query: Tensor, rotary: Rotary | None) -> Tensor:
        """Other queries (rows, tokens, d) made ready like the layer's own: rows, tokens, heads, head width."""

    def output(self, attention: AttentionModule, merged: Tensor) -> Tensor:
        """The layer's output projection."""


def projected_query(attention: AttentionModule, hidden: Tensor, *, biased: bool) -> Tensor:
    """The frozen query projection of `hidden`, with or without its bias; same shape."""
    query: Tensor = attention.to_q(hidden)
    if biased or attention.to_q.bias is None:
        return query
    return query - attention.to_q.bias.to(query)


def attend(query: Tensor, key: Tensor, value: Tensor, *, backend: AttentionBackendName | None = None) -> Tensor:
    """Softmax attention, heads merged again: rows, tokens, d.

    Args:
        query: rows, tokens, heads, head width.
        key: rows, other tokens, heads, head width.
        value: rows, other tokens, heads, any width.
        backend: of diffusers, what `set_attention_backend` chose; None is torch's own. Values of another width than
            queries take torch's own always: few backends know them.
    """
    if backend is not None and value.shape[-1] == query.shape[-1]:
        return dispatch_attention_fn(query, key, value, backend=backend).flatten(2)
    mixed = F.scaled_dot_product_attention(query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2))
    return mixed.transpose(1, 2).flatten(2)
