"""Attention of frames towards frame 0 and towards their predecessors, for any number of adapters in two calls.

Queries are those of all frames, or of all but frame 0: then frame 0 is only looked at. A mask stream may look at the
picture of its own frame, too. With a region, queries are those of one adapter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from engine.adapters.region_attention import attend_in_region
from engine.bases.attention_layer import attend

if TYPE_CHECKING:
    from diffusers.models.attention_dispatch import AttentionBackendName
    from torch import Tensor

    from engine.adapters.region_attention import Region

Pair = tuple["Tensor", "Tensor"]


def separate_references(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    region: Region | None = None,
    guide: Pair | None = None,
    backend: AttentionBackendName | None = None,
) -> tuple[Tensor, ...]:
    """Attention towards frame 0 and towards the previous frame, each with a softmax of its own.

    All queries of a sample form one long list against the unexpanded keys of frame 0; towards predecessors there is one
    row per frame. Frame 0 is its own predecessor, so its second result is its first.

    Args:
        query: k s f n, heads, head width; k adapters; without frame 0 or with it.
        key: s f n, heads, head width.
        value: like `key`.
        region: what is subject; attention then keeps to its side.
        guide: keys and values of the pictures, for a mask stream.
        backend: see `attend`.

    Returns:
        Two tensors k s f n d, of as many frames as there are queries; a third one where there is a guide.

    Source: MIVA Eq. (2).
    """
    adapters, _, frames, tokens = query.shape[:4]
    left_out = _left_out(query, key)
    subject = None if region is None else region.subject
    long_list = query.transpose(0, 1).flatten(1, 3)
    seen = None if subject is None else (subject[:, left_out:].flatten(1), subject[:, 0])
    to_first = _attend(long_list, key[:, 0], value[:, 0], seen, region=region, backend=backend)
    first = to_first.unflatten(1, (adapters, frames, tokens)).transpose(0, 1)
    guided = () if guide is None else (_guided(query, guide, backend),)
    if key.shape[1] == 1:
        return first, first, *guided
    rows = _rows(query[:, :, 1 - left_out :])
    seen = None if subject is None else (subject[:, 1:].flatten(0, 1), subject[:, :-1].flatten(0, 1))
    before = (key[:, :-1].flatten(0, 1), value[:, :-1].flatten(0, 1))
    to_previous = _attend(rows, *before, seen, region=region, backend=backend)
    previous = _from_rows(to_previous, query)
    return first, previous if left_out else torch.cat([first[:, :, :1], previous], dim=2), *guided


def joint_references(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    region: Region | None = None,
    guide: Pair | None = None,
    backend: AttentionBackendName | None = None,
) -> tuple[Tensor, ...]:
    """The references under one softmax over all, their shares of the result apart.

    The shares are g A1 and (1 - g) A2 with g the first reference's part of the softmax mass: values are laid out as
    [V1, 0; 0, V2], so that one call serves adapters of any reference weights.

    Args:
        query: k s f n, heads, head width; k adapters; without frame 0 or with it.
        key: s f n, heads, head width.
        value: like `key`.
        region: what is subject; attention then keeps to its side.
        guide: keys and values of the pictures, for a mask stream.
        backend: see `attend`.

    Returns:
        Two tensors k s f n d, of as many frames as there are queries; a third one where there is a guide.

    Source: `SparseCausalAttentionProcessor` of the authors' code.
    """
    left_out, heads = _left_out(query, key), query.shape[4]
    sources = [(_first(key), _first(value)), (_previous(key), _previous(value)), *([guide] if guide else [])]
    keys = torch.cat([one for one, _ in sources], dim=2)
    nothing = torch.zeros_like(value)
    values = torch.cat(
        [
            torch.cat([own if place == column else nothing for column in range(len(sources))], dim=-1)
            for place, (_, own) in enumerate(sources)
        ],
        dim=2,
    )
    seen = None
    if region is not None:
        subject = region.subject
        both = torch.cat([_first(subject), _previous(subject)], dim=2)
        seen = (subject[:, left_out:].flatten(0, 1), both[:, left_out:].flatten(0, 1))
    rows = (keys[:, left_out:].flatten(0, 1), values[:, left_out:].flatten(0, 1))
    mixed = _attend(_rows(query), *rows, seen, region=region, backend=backend)
    shares = _from_rows(mixed, query).unflatten(-1, (heads, len(sources), -1))
    return tuple(share.flatten(-2) for share in shares.unbind(-2))


def _attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    seen: Pair | None,
    *,
    region: Region | None,
    backend: AttentionBackendName | None,
) -> Tensor:
    """Attention everywhere, or within a region: `seen` has the subject of the queries and of the keys."""
    if seen is None or region is None:
        return attend(query, key, value, backend=backend)
    return attend_in_region(query, key, value, looking=seen[0], seen=seen[1], hard=region.hard)


def _guided(query: Tensor, guide: Pair, backend: AttentionBackendName | None) -> Tensor:
    """Attention towards the picture of the same frame."""
    left_out = _left_out(query, guide[0])
    key, value = (heads[:, left_out:].flatten(0, 1) for heads in guide)
    return _from_rows(attend(_rows(query), key, value, backend=backend), query)


def _rows(query: Tensor) -> Tensor:
    """One row for each sample and frame, with the queries of all adapters."""
    return query.permute(1, 2, 0, 3, 4, 5).flatten(2, 3).flatten(0, 1)


def _from_rows(mixed: Tensor, query: Tensor) -> Tensor:
    """The inverse, for what attention made of the rows: k s f n d."""
    adapters, samples, _, tokens = query.shape[:4]
    return mixed.unflatten(0, (samples, -1)).unflatten(2, (adapters, tokens)).permute(2, 0, 1, 3, 4)


def _left_out(query: Tensor, key: Tensor) -> int:
    """How many frames are only looked at: 1 without queries of frame 0, else 0."""
    return key.shape[1] - query.shape[2]


def _first(frames: Tensor) -> Tensor:
    return frames[:, :1].expand_as(frames)


def _previous(frames: Tensor) -> Tensor:
    return torch.cat([frames[:, :1], frames[:, :-1]], dim=1)
