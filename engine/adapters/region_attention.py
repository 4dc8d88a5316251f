"""Attention that keeps to its region, exactly MIVA Eq. (3) and (S6), without a matrix of tokens by tokens.

A bias of log m multiplies the weight of a key by m. For soft masks m = s_p s_q + (1 - s_p)(1 - s_q) + eps is a sum of
products of one number for the query and one for the key, so that plain attention over widened values gives it. For
labels, m has two values, and a few more channels of queries and keys give it.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jaxtyping import Float, Int
    from torch import Tensor

EPSILON = 1e-4
"""What is left of the weight of a key on the other side: log 1e-4 = -9.2 in the softmax.

Source: `interframe_mask` of the authors' code.
"""
ALIGNMENT = 8
"""Widths that torch's memory-efficient kernel takes are multiples of this."""


@dataclass(frozen=True)
class Region:
    """What an adapter takes for its subject, s f n in 0..1, and whether it is 0 or 1 throughout."""

    subject: Float[Tensor, "s f n"]
    hard: bool


class _Kernel:
    """Which way soft masks are computed."""

    flexible = False


@contextmanager
def flexible_kernel() -> Iterator[None]:
    """Compute soft masks by torch's FlexAttention while the block runs.

    Off otherwise: it is compiled for each size of attention, and one clip gains two seconds (`docs/performance.md`).
    """
    _Kernel.flexible = True
    try:
        yield
    finally:
        _Kernel.flexible = False


def attend_in_region(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    looking: Float[Tensor, "r p"],
    seen: Float[Tensor, "r q"],
    hard: bool,
) -> Tensor:
    """`attend` with the bias log(s_p s_q + (1 - s_p)(1 - s_q) + eps); rows, tokens, d.

    Args:
        query: rows, tokens, heads, head width.
        key: rows, other tokens, heads, head width.
        value: rows, other tokens, heads, any width.
        looking: how much each query is subject.
        seen: how much each key is.
        hard: both are 0 or 1 throughout.

    Source: MIVA Eq. (3).
    """
    if hard:
        return attend_in_labels(query, key, value, looking=looking.long(), seen=seen.long(), count=2)
    if _Kernel.flexible:
        return _flexible(query, key, value, looking, seen)
    return soft_attention(query, key, value, looking=looking, seen=seen)


def soft_attention(
    query: Tensor, key: Tensor, value: Tensor, *, looking: Float[Tensor, "r p"], seen: Float[Tensor, "r q"]
) -> Tensor:
    """Eq. (3) by plain attention over [s v, (1 - s) v, s, 1 - s]; each share is added up by itself, never subtracted.

    With f, b, f0, b0 those four results, a query gets ((s + eps) f + (1 - s + eps) b) / ((s + eps) f0 + (1 - s + eps)
    b0).
    """
    inside = seen[..., None, None].to(value.dtype)
    outside = (1 - seen)[..., None, None].to(value.dtype)
    shares = torch.cat([inside, outside], dim=-1).expand(-1, -1, value.shape[2], -1)
    wide = torch.cat([value * inside, value * outside, shares], dim=-1)
    mixed = attend_wide(query, key, wide)
    width = value.shape[-1]
    own, other, own_mass, other_mass = mixed.split([width, width, 1, 1], dim=-1)
    near, far = looking[..., None, None] + EPSILON, (1 - looking)[..., None, None] + EPSILON
    mass = near * own_mass + far * other_mass
    # divided where it is narrow: one number for each token and head
    return torch.addcmul(own * (near / mass).to(own.dtype), other, (far / mass).to(own.dtype)).flatten(2)


def attend_in_labels(
    query: Tensor, key: Tensor, value: Tensor, *, looking: Int[Tensor, "r p"], seen: Int[Tensor, "r q"], count: int
) -> Tensor:
    """`attend` with the bias log(1[u_p = u_q] + eps), by `count` - 1 more channels; rows, tokens, d.

    Labels become the corners of a regular simplex, whose products are 1 for equal ones and one lower number for all
    others; scaled, the difference of the two is that of the biases, and a softmax knows nothing else.

    Args:
        query: rows, tokens, heads, head width.
        key: rows, other tokens, heads, head width.
        value: rows, other tokens, heads, any width.
        looking: label of each query, 0 to `count` - 1.
        seen: label of each key.
        count: how many labels there are, at least 2.

    Source: MIVA Eq. (S6).
    """
    width = query.shape[-1]
    difference = math.log((1 + EPSILON) / EPSILON)
    # the softmax divides by the root of the width; equal and other corners differ by count / (count - 1)
    reach = math.sqrt(difference * math.sqrt(width) * (count - 1) / count)
    corners = (simplex(count) * reach).to(query)
    wide_query, wide_key = (
        torch.cat([heads, corners[labels][:, :, None].expand(-1, -1, heads.shape[2], -1)], dim=-1)
        for heads, labels in ((query, looking), (key, seen))
    )
    return attend_wide(wide_query, wide_key, value, scale=1 / math.sqrt(width)).flatten(2)


def simplex(count: int) -> Float[Tensor, "count count-1"]:
    """The corners of a regular simplex around 0, at distance 1 from it; two corners are 1 and -1. float64."""
    centred = torch.eye(count, dtype=torch.float64) - 1 / count
    # rows of Helmert's matrix: orthonormal, and orthogonal to the constant
    basis = torch.zeros(count - 1, count, dtype=torch.float64)
    for row in range(1, count):
        basis[row - 1, :row] = 1
        basis[row - 1, row] = -row
        basis[row - 1] /= math.sqrt(row * (row + 1))
    return centred @ basis.T * math.sqrt(count / (count - 1))


def attend_wide(query: Tensor, key: Tensor, value: Tensor, *, scale: float | None = None) -> Tensor:
    """Softmax attention with values of another width than queries: rows, tokens, heads, width of the values.

    A kernel of torch's for CUDA takes two widths; on other devices there is one width, and zeros fill up the narrower.
    Anything else would be computed by a matrix of tokens by tokens.
    """
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    width = value.shape[-1]
    if query.device.type == "cuda":
        query, key, value = (
            _filled(heads, -(-heads.shape[-1] // ALIGNMENT) * ALIGNMENT) for heads in (query, key, value)
        )
    elif not query.is_meta:
        widest = max(width, query.shape[-1])
        query, key, value = (_filled(heads, widest) for heads in (query, key, value))
    query, key, value = _heads_first(query, key, value)
    return F.scaled_dot_product_attention(query, key, value, scale=scale).transpose(1, 2)[..., :width]


def frame_bias(subject: Float[Tensor, "r f"], dtype: torch.dtype) -> Float[Tensor, "r 1 f f"]:
    """Eq. (3) between the frames at one place, as a bias: a matrix of frames by frames for each place."""
    one, other = subject[:, None, :, None], subject[:, None, None, :]
    return (one * other + (1 - one) * (1 - other) + EPSILON).log().to(dtype)


def attend_by(query: Tensor, key: Tensor, value: Tensor, bias: Float[Tensor, "r 1 p q"]) -> Tensor:
    """`attend` with a bias that is written out, for few tokens; rows, tokens, d."""
    query, key, value = _heads_first(query, key, value)
    return F.scaled_dot_product_attention(query, key, value, attn_mask=bias).transpose(1, 2).flatten(2)


def _heads_first(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2)


def _filled(heads: Tensor, width: int) -> Tensor:
    return F.pad(heads, (0, width - heads.shape[-1]))


def _flexible(query: Tensor, key: Tensor, value: Tensor, looking: Tensor, seen: Tensor) -> Tensor:
    compute = _compiled() if query.is_cuda else _biased
    return compute(query, key, value, looking, seen)


@cache
def _compiled() -> Callable[..., Tensor]:
    """Uncompiled, FlexAttention makes the matrix of all scores."""
    return torch.compile(_biased, dynamic=False)


def _biased(query: Tensor, key: Tensor, value: Tensor, looking: Tensor, seen: Tensor) -> Tensor:
    from torch.nn.attention.flex_attention import flex_attention

    def biased(score: Tensor, row: Tensor, _head: Tensor, place: Tensor, other: Tensor) -> Tensor:
        one, two = looking[row, place], seen[row, other]
        return score + (one * two + (1 - one) * (1 - two) + EPSILON).log()

    query, key, value = _heads_first(query, key, value)
    return flex_attention(query, key, value, score_mod=biased).transpose(1, 2).flatten(2)
