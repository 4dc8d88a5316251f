"""Attention of frames towards frame 0 and towards their predecessors, for any number of adapters in two calls.

Queries are those of all frames, or of all but frame 0: then frame 0 is only looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from engine.bases.attention_layer import attend

if TYPE_CHECKING:
    from diffusers.models.attention_dispatch import AttentionBackendName
    from torch import Tensor

Pair = tuple["Tensor", "Tensor"]


def separate_references(
    query: Tensor, key: Tensor, value: Tensor, *, backend: AttentionBackendName | None = None
) -> Pair:
    """Attention towards frame 0 and towards the previous frame, each with a softmax of its own.

    All queries of a sample form one long list against the unexpanded keys of frame 0; towards predecessors there is one
    row per frame. Frame 0 is its own predecessor, so its second result is its first.

    Args:
        query: k s f n, heads, head width; k adapters; without frame 0 or with it.
        key: s f n, heads, head width.
        value: like `key`.
        backend: see `attend`.

    Returns:
        Two tensors k s f n d, of as many frames as there are queries.

    Source: MIVA Eq. (2).
    """
    adapters, samples, frames, tokens = query.shape[:4]
    to_first = attend(query.transpose(0, 1).flatten(1, 3), key[:, 0], value[:, 0], backend=backend)
    first = to_first.unflatten(1, (adapters, frames, tokens)).transpose(0, 1)
    if key.shape[1] == 1:
        return first, first
    left_out = _left_out(query, key)
    later = query[:, :, 1 - left_out :]
    rows = later.permute(1, 2, 0, 3, 4, 5).flatten(2, 3).flatten(0, 1)
    to_previous = attend(rows, key[:, :-1].flatten(0, 1), value[:, :-1].flatten(0, 1), backend=backend)
    previous = to_previous.unflatten(0, (samples, -1)).unflatten(2, (adapters, tokens)).permute(2, 0, 1, 3, 4)
    return first, previous if left_out else torch.cat([first[:, :, :1], previous], dim=2)


def joint_references(query: Tensor, key: Tensor, value: Tensor, *, backend: AttentionBackendName | None = None) -> Pair:
    """The two references under one softmax over both, their shares of the result apart.

    The shares are g A1 and (1 - g) A2 with g the first reference's part of the softmax mass: values are laid out as
    [V1, 0; 0, V2], so that one call serves adapters of any reference weights.

    Args:
        query: k s f n, heads, head width; k adapters; without frame 0 or with it.
        key: s f n, heads, head width.
        value: like `key`.
        backend: see `attend`.

    Returns:
        Two tensors k s f n d, of as many frames as there are queries.

    Source: `SparseCausalAttentionProcessor` of the authors' code.
    """
    adapters, samples, frames, _, heads, _ = query.shape
    rows = query.permute(1, 2, 0, 3, 4, 5).flatten(2, 3).flatten(0, 1)
    keys = torch.cat([_first(key), _previous(key)], dim=2)
    nothing = torch.zeros_like(value)
    first_values = torch.cat([_first(value), nothing], dim=-1)
    previous_values = torch.cat([nothing, _previous(value)], dim=-1)
    values = torch.cat([first_values, previous_values], dim=2)
    left_out = _left_out(query, key)
    mixed = attend(rows, keys[:, left_out:].flatten(0, 1), values[:, left_out:].flatten(0, 1), backend=backend)
    shares = mixed.unflatten(0, (samples, frames)).unflatten(2, (adapters, -1)).unflatten(-1, (heads, 2, -1))
    first, previous = shares.permute(2, 0, 1, 3, 5, 4, 6).flatten(5).unbind(4)
    return first, previous


def _left_out(query: Tensor, key: Tensor) -> int:
    """How many frames are only looked at: 1 without queries of frame 0, else 0."""
    return key.shape[1] - query.shape[2]


def _first(frames: Tensor) -> Tensor:
    return frames[:, :1].expand_as(frames)


def _previous(frames: Tensor) -> Tensor:
    return torch.cat([frames[:, :1], frames[:, :-1]], dim=1)
