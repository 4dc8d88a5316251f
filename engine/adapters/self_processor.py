"""Self attention of the base with the cross-frame attention of adapters added (MIVA Eq. 2 and S4)."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch.nn import functional as F

from engine.adapters.reference_attention import joint_references, separate_references
from engine.adapters.site_processor import SiteProcessor
from engine.bases.attention_layer import attend

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from engine.adapters.composition import Term
    from engine.adapters.cross_frame import CrossFrameAttention
    from engine.adapters.site_processor import Observer
    from engine.bases.attention_layer import Projection, Rotary
    from engine.bases.attention_site import AttentionSite
    from engine.bases.call import Call, CurrentCall, SiteInput
    from engine.bases.diffusers_types import AttentionModule

_REFERENCES = {"separate": separate_references, "joint": joint_references}


class _Way(NamedTuple):
    """How an adapter looks at its references; adapters of one way are computed together."""

    combine: str
    turned: bool
    left_out: int
    """Frames without a query of their own: 1 where frame 0 is skipped, else 0."""


class SelfProcessor(SiteProcessor["CrossFrameAttention"]):
    """`SA + sum_k w_k (l1 CFA_k(first) + l2 CFA_k(previous))`; keys and values are projected once, by the base.

    Args:
        site: where it stands.
        terms: the adapters' parts.
        calls: the base's call in progress.
        observe: see `SiteProcessor`.
        times: time embeddings (1, time width) by timestep: the weights l1 there are computed now, once for the run.
            At other timesteps they follow from the embedding of the call.
    """

    def __init__(
        self,
        site: AttentionSite,
        terms: Sequence[Term[CrossFrameAttention]],
        *,
        calls: CurrentCall,
        observe: Observer | None = None,
        times: Mapping[float, Tensor] | None = None,
    ) -> None:
        super().__init__(site, terms, calls=calls, observe=observe)
        self._table = {timestep: self._shares(embedding) for timestep, embedding in (times or {}).items()}
        self._known: tuple[Tensor, ...] | None = None
        by_way = groupby(sorted(range(len(self._terms)), key=self._way), key=self._way)
        self._ways = tuple((way, tuple(places)) for way, places in by_way)

    def begin(self, call: Call) -> None:
        """Look up the weights of the references at the call's timestep, if they are known and nothing is trained."""
        known = None if call.timestep is None else self._table.get(call.timestep)
        self._known = None if torch.is_grad_enabled() else known

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
        shares = self._shares(given.time_embedding) if self._known is None else self._known
        mixed = self._mixed(attention, given, projection, rotary, shares)
        updates = [
            _everywhere(term.part.output(values), given) for term, values in zip(self._terms, mixed, strict=True)
        ]
        self._tell(updates)
        return self._added(base, updates)

    def _mixed(
        self,
        attention: AttentionModule,
        given: SiteInput,
        projection: Projection,
        rotary: Rotary | None,
        shares: Sequence[Tensor],
    ) -> list[Tensor]:
        """Each adapter's mixed references, s f n d, in the order of terms; without frame 0 where it is skipped."""
        mixed: dict[int, Tensor] = {}
        for way, places in self._ways:
            if way.left_out == given.frames:
                mixed |= dict.fromkeys(places, given.hidden[:, :0])
                continue
            query = self._queries(attention, places, given, projection, rotary if way.turned else None)
            shape = (*given.hidden.shape[:3], *projection.value.shape[-2:])
            key = (projection.key if way.turned else projection.plain_key).reshape(shape)
            pairs = zip(*_REFERENCES[way.combine](query, key, projection.value.reshape(shape)), strict=True)
            # the two weights sum to 1
            for place, (first, previous) in zip(places, pairs, strict=True):
                mixed[place] = torch.lerp(previous, first, shares[place].to(first.dtype)[:, None, None, None])
        return [mixed[place] for place in range(len(self._terms))]

    def _way(self, place: int) -> _Way:
        spec = self._terms[place].part.spec
        return _Way(spec.combine, spec.rotary, 1 if spec.skip_first else 0)

    def _queries(
        self,
        attention: AttentionModule,
        places: Sequence[int],
        given: SiteInput,
        projection: Projection,
        rotary: Rotary | None,
    ) -> Tensor:
        """Queries of adapters of one way: k s f n, heads, head width."""
        left_out = self._way(places[0]).left_out
        hidden = given.hidden[:, left_out:]
        base_query = projection.raw_query.reshape(given.hidden.shape)[:, left_out:]
        parts = [self._terms[place].part for place in places]
        raw = torch.stack([part.raw_query(hidden, base_query, attention.to_q.bias) for part in parts])
        samples, frames, tokens, width = hidden.shape
        if rotary is not None:
            rotary = (rotary[0][:, left_out * tokens :], rotary[1][:, left_out * tokens :])
        heads = self._site.layer.query_heads(attention, raw.reshape(-1, frames * tokens, width), rotary)
        return heads.unflatten(0, (len(parts), samples)).unflatten(2, (frames, tokens))

    def _shares(self, time_embedding: Tensor) -> tuple[Tensor, ...]:
        """Each adapter's weight of frame 0, l1, for every row of time embeddings."""
        return tuple(term.part.reference_weights(time_embedding)[:, 0] for term in self._terms)


def _everywhere(update: Tensor, given: SiteInput) -> Tensor:
    """An update of all frames: nothing is added to those that were left out."""
    left_out = given.frames - update.shape[1]
    return F.pad(update, (0, 0, 0, 0, left_out, 0)) if left_out else update
