"""One attention site by itself: run its module with and without adapters, outside of any denoiser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from engine.adapters.attach import _processor
from engine.bases.call import Call

if TYPE_CHECKING:
    from engine.adapters.composition import Composition
    from engine.bases.attention_site import AttentionSite
    from engine.bases.base import Base


def first_site(base: Base, kind: str) -> AttentionSite:
    return next(site for site in base.sites() if site.kind == kind)


def call_of(base: Base, *, batch: int, frames: int, height: int = 8, width: int = 8) -> Call:
    generator = torch.Generator().manual_seed(7)
    embedding = torch.randn(batch, base.sites()[0].time_width, generator=generator).to(base.dtype)
    return Call(batch=batch, streams=1, frames=frames, height=height, width=width, time_embedding=embedding)


def hidden_of(base: Base, site: AttentionSite, call: Call) -> Tensor:
    """Random hidden states, in the layout the layer gets them in."""
    grid = call.grid(site.down_scale)
    tokens = grid[0] * grid[1]
    if base.spec.family == "wan":
        shape = (call.batch, call.frames * tokens, site.width)
    elif site.kind == "temporal":
        shape = (call.batch * tokens, call.frames, site.width)
    else:
        shape = (call.batch * call.frames, tokens, site.width)
    return torch.randn(shape, generator=torch.Generator().manual_seed(8), dtype=torch.float64).to(base.dtype)


def run_site(base: Base, site: AttentionSite, call: Call, composition: Composition, hidden: Tensor, **inputs) -> Tensor:
    """The site's output with adapters on it."""
    processor = _processor(base, composition, site, None)
    with base.calls.during(call), torch.no_grad():
        return processor(site.module, hidden, **inputs)


def heads_apart(site: AttentionSite, tokens: Tensor) -> Tensor:
    """... n d -> ... heads n head width."""
    return tokens.unflatten(-1, (site.heads, -1)).transpose(-2, -3)


def plain_attention(site: AttentionSite, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Softmax attention as the formula has it; ... n d in and out."""
    query, key, value = (heads_apart(site, tokens) for tokens in (query, key, value))
    scores = (query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5).softmax(-1)
    return (scores @ value).transpose(-2, -3).flatten(-2)
