"""What the cross-frame attention of adapters adds at one site, in parallel to the base or behind it."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import torch

from engine.adapters.reference_attention import joint_references, separate_references

if TYPE_CHECKING:
    from collections.abc import Sequence

    from diffusers.models.attention_dispatch import AttentionBackendName
    from torch import Tensor

    from engine.adapters.cross_frame import CrossFrameAttention
    from engine.bases.attention_layer import Projection, Rotary
    from engine.bases.attention_site import AttentionSite
    from engine.bases.call import SiteInput

_REFERENCES = {"separate": separate_references, "joint": joint_references}


def cross_frame_updates(
    site: AttentionSite,
    parts: Sequence[CrossFrameAttention],
    given: SiteInput,
    projection: Projection,
    *,
    rotary: Rotary | None,
    backend: AttentionBackendName | None,
) -> list[Tensor]:
    """`l1 CFA(first) + l2 CFA(previous)` of each part, s f n d; keys and values are the base's, projected once.

    Args:
        site: a self site.
        parts: of the adapters there, any mix of kinds; those of one kind are computed together.
        given: what they look at.
        projection: what the base's layer makes of it.
        rotary: the base's positions, for parts that turn queries and keys.
        backend: see `attend`.

    Source: MIVA Eq. (2) and (S4).
    """
    updates: dict[int, Tensor] = {}

    def way(place: int) -> tuple[str, bool]:
        return parts[place].spec.combine, parts[place].spec.rotary

    for (combine, turned), group in groupby(sorted(range(len(parts)), key=way), key=way):
        members = list(group)
        chosen = [parts[place] for place in members]
        query = _queries(site, chosen, given, projection, rotary if turned else None)
        shape = (*query.shape[1:4], *projection.value.shape[-2:])
        key = projection.key if turned else projection.plain_key
        references = _REFERENCES[combine](query, key.reshape(shape), projection.value.reshape(shape), backend=backend)
        mixed = zip(members, chosen, *references, strict=True)
        updates |= {place: _update(part, given, first, previous) for place, part, first, previous in mixed}
    return [updates[place] for place in range(len(parts))]


def _queries(
    site: AttentionSite,
    parts: Sequence[CrossFrameAttention],
    given: SiteInput,
    projection: Projection,
    rotary: Rotary | None,
) -> Tensor:
    """Queries of all parts: k s f n, heads, head width."""
    base_query = projection.raw_query.reshape(given.hidden.shape)
    bias = site.module.to_q.bias
    raw = torch.stack([part.raw_query(given.hidden, base_query, bias) for part in parts])
    samples, frames, tokens, width = given.hidden.shape
    heads = site.layer.query_heads(site.module, raw.reshape(-1, frames * tokens, width), rotary)
    return heads.unflatten(0, (len(parts), samples)).unflatten(2, (frames, tokens))


def _update(part: CrossFrameAttention, given: SiteInput, first: Tensor, previous: Tensor) -> Tensor:
    # the two weights sum to 1
    share_of_first = part.reference_weights(given.time_embedding)[:, 0].to(first.dtype)[:, None, None, None]
    return part.output(torch.lerp(previous, first, share_of_first))
