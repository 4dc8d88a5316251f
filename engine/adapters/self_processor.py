"""Self attention of the base with the cross-frame attention of adapters added (MIVA Eq. 2 and S4)."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import torch

from engine.adapters.reference_attention import joint_references, separate_references
from engine.adapters.site_processor import SiteProcessor
from engine.bases.attention_layer import attend

if TYPE_CHECKING:
    from torch import Tensor

    from engine.adapters.cross_frame import CrossFrameAttention
    from engine.bases.attention_layer import Projection, Rotary
    from engine.bases.call import SiteInput
    from engine.bases.diffusers_types import AttentionModule

_REFERENCES = {"separate": separate_references, "joint": joint_references}


class SelfProcessor(SiteProcessor["CrossFrameAttention"]):
    """`SA + sum_k w_k (l1 CFA_k(first) + l2 CFA_k(previous))`; keys and values are projected once, by the base."""

    def _compute(
        self,
        attention: AttentionModule,
        hidden: Tensor,
        condition: Tensor | None,
        rotary: Rotary | None,
    ) -> Tensor:
        layer = self._site.layer
        given = self._site.input(hidden, self._calls.get())
        projection = layer.project(attention, hidden, rotary)
        base = layer.output(attention, attend(projection.query, projection.key, projection.value))
        updates = self._updates(attention, given, projection, rotary)
        self._tell(updates)
        return self._added(base, updates)

    def _updates(
        self, attention: AttentionModule, given: SiteInput, projection: Projection, rotary: Rotary | None
    ) -> list[Tensor]:
        """Each adapter's update, s f n d, in the order of terms."""
        updates: dict[int, Tensor] = {}
        places = sorted(range(len(self._terms)), key=self._way)
        for (combine, turned), group in groupby(places, key=self._way):
            members = list(group)
            parts = [self._terms[place].part for place in members]
            query = self._queries(attention, parts, given, projection, rotary if turned else None)
            shape = (*query.shape[1:4], *projection.value.shape[-2:])
            key = projection.key if turned else projection.plain_key
            references = _REFERENCES[combine](query, key.reshape(shape), projection.value.reshape(shape))
            mixed = zip(members, parts, *references, strict=True)
            updates |= {place: _update(part, given, first, previous) for place, part, first, previous in mixed}
        return [updates[place] for place in range(len(self._terms))]

    def _way(self, place: int) -> tuple[str, bool]:
        spec = self._terms[place].part.spec
        return spec.combine, spec.rotary

    def _queries(
        self,
        attention: AttentionModule,
        parts: list[CrossFrameAttention],
        given: SiteInput,
        projection: Projection,
        rotary: Rotary | None,
    ) -> Tensor:
        """Queries of all adapters: k s f n, heads, head width."""
        base_query = projection.raw_query.reshape(given.hidden.shape)
        bias = attention.to_q.bias
        raw = torch.stack([part.raw_query(given.hidden, base_query, bias) for part in parts])
        samples, frames, tokens, width = given.hidden.shape
        heads = self._site.layer.query_heads(attention, raw.reshape(-1, frames * tokens, width), rotary)
        return heads.unflatten(0, (len(parts), samples)).unflatten(2, (frames, tokens))


def _update(part: CrossFrameAttention, given: SiteInput, first: Tensor, previous: Tensor) -> Tensor:
    # the two weights sum to 1
    share_of_first = part.reference_weights(given.time_embedding)[:, 0].to(first.dtype)[:, None, None, None]
    return part.output(torch.lerp(previous, first, share_of_first))
