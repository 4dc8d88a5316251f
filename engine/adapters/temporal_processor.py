"""Attention along time with the low-rank updates of adapters, anchored at the base (MIVA D.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch

from engine.adapters.adapter_regions import region_rules
from engine.adapters.region_attention import attend_by, frame_bias
from engine.adapters.site_processor import SiteProcessor
from engine.adapters.temporal_lora import TemporalLora
from engine.adapters.weighted_sum import WeightedSum
from engine.bases.call import beside_each_other

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from engine.adapters.adapter_regions import RegionRule
    from engine.adapters.composition import Composition, Term
    from engine.adapters.site_processor import Observer
    from engine.bases.attention_layer import Projection, Rotary
    from engine.bases.attention_site import AttentionSite
    from engine.bases.call import Call, CurrentCall
    from engine.bases.diffusers_types import AttentionModule
    from engine.bases.regions import SiteRegions

ANCHOR_TOLERANCE = 1e-6


class TemporalProcessor(SiteProcessor[TemporalLora]):
    """`tSA + sum_k w_k (tSA_k - tSA)`; tSA_k is a complete attention with adapter k's updates in q, k, v and output.

    With masks, tSA_k of the pictures keeps to its region. A mask stream has tSA_k of its own adapter.
    """

    def __init__(
        self,
        site: AttentionSite,
        terms: Sequence[Term[TemporalLora]],
        composition: Composition | None,
        *,
        calls: CurrentCall,
        observe: Observer | None = None,
    ) -> None:
        super().__init__(site, terms, composition, calls=calls, observe=observe)
        self._anchor_weight = 1 - sum(term.weight for term in self._terms)
        self._anchor_sum = WeightedSum([self._anchor_weight], site.device)
        self._stock = site.processor
        self._rules = region_rules(composition, self._terms, "temporal")
        self._masks = () if composition is None else _of_masks(site, composition, calls)

    def begin(self, call: Call | None) -> None:
        """Make what is added between frames, once for all sites of this size."""
        super().begin(call)
        if call is not None and call.regions is not None:
            regions = call.regions.at(call.grid(self._site.down_scale))
            for rule in self._rules:
                if rule is not None:
                    _bias(rule, regions, self._site.module.to_q.weight.dtype)

    def _compute(
        self,
        attention: AttentionModule,
        hidden: Tensor,
        condition: Tensor | None,
        rotary: Rotary | None,
    ) -> Tensor:
        call = self._streams()
        if call is None or call.streams == 1:
            return self.of_one_stream(attention, hidden)
        streams = [self.of_one_stream(attention, call.of_stream(hidden, 0))]
        for stream, mask in enumerate(self._masks, start=1):
            own = call.of_stream(hidden, stream)
            streams.append(self._stock(attention, own) if mask is None else mask.of_one_stream(attention, own))
        return beside_each_other(streams, call.batch)

    def of_one_stream(self, attention: AttentionModule, hidden: Tensor) -> Tensor:
        """The layer's output for the stream that the terms are for."""
        projection = self._site.layer.project(attention, hidden, None)
        mixed = self._mixed(attention, hidden, projection)
        if self._observe is not None:
            return self._observed(attention, projection, mixed)
        # compiled code does not know the weights: it has the anchor always, at 0 where they sum to 1
        anchored = torch.compiler.is_compiling() or abs(self._anchor_weight) > ANCHOR_TOLERANCE
        anchor = self._anchor(projection) if anchored else None
        # the frozen output projection is linear and the weights, anchor included, sum to 1: once is enough
        output = self._site.layer.output(attention, self._sum.of(mixed, anchor))
        return self._sum.of([term.part.out(values) for term, values in zip(self._terms, mixed, strict=True)], output)

    def _anchor(self, projection: Projection) -> Tensor:
        """The base's own attention, at what the weights leave of 1."""
        return self._anchor_sum.of([self._attend(projection.query, projection.key, projection.value)])

    def _mixed(self, attention: AttentionModule, hidden: Tensor, projection: Projection) -> tuple[Tensor, ...]:
        """Each adapter's attention before the output projection, all in one call."""
        layer, parts = self._site.layer, [term.part for term in self._terms]
        raw = torch.cat([projection.raw_query + part.to_q(hidden) for part in parts])
        query = layer.query_heads(attention, raw, None)
        key = torch.cat([projection.key + part.to_k(hidden).view_as(projection.key) for part in parts])
        value = torch.cat([projection.value + part.to_v(hidden).view_as(projection.value) for part in parts])
        biases = self._biases(query.dtype)
        if not any(bias is not None for bias in biases):
            return self._attend(query, key, value).chunk(len(parts))
        rows = zip(query.chunk(len(parts)), key.chunk(len(parts)), value.chunk(len(parts)), biases, strict=True)
        return tuple(
            self._attend(one, other, seen) if bias is None else attend_by(one, other, seen, bias)
            for one, other, seen, bias in rows
        )

    def _biases(self, dtype: torch.dtype) -> list[Tensor | None]:
        """For each adapter, where it keeps to a region, what to add between frames at each place: rows 1 f f."""
        regions = self._regions()
        return [None if rule is None or regions is None else _bias(rule, regions, dtype) for rule in self._rules]

    def _observed(self, attention: AttentionModule, projection: Projection, mixed: tuple[Tensor, ...]) -> Tensor:
        """The same with each adapter's update by itself."""
        layer = self._site.layer
        base = layer.output(attention, self._attend(projection.query, projection.key, projection.value))
        pairs = zip(self._terms, mixed, strict=True)
        updates = [layer.output(attention, values) + term.part.out(values) - base for term, values in pairs]
        self._tell(updates)
        return self._sum.of(updates, base)


def _bias(rule: RegionRule, regions: SiteRegions, dtype: torch.dtype) -> Tensor:
    """What is added between frames where an adapter acts; found where another site or step has made it."""
    found = regions.made.get((rule, dtype))
    if found is None:
        subject = rule.region(regions).subject
        found = regions.made[rule, dtype] = frame_bias(subject.transpose(1, 2).flatten(0, 1), dtype)
    return found


def _of_masks(
    site: AttentionSite, composition: Composition, calls: CurrentCall
) -> tuple[TemporalProcessor | None, ...]:
    """What computes each mask stream; None for the base."""
    terms = (composition.stream_term(site, index) for index in composition.masked)
    return tuple(
        None if term is None else TemporalProcessor(site, [cast("Term[TemporalLora]", term)], None, calls=calls)
        for term in terms
    )
