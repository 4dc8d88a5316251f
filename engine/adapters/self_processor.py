"""Self attention of the base with the cross-frame attention of adapters added (MIVA Eq. 2 and S4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.adapters.adapter_regions import base_form
from engine.adapters.cross_frame import CrossFrameAttention
from engine.adapters.mask_stream import CrossFrameStreams, stream_projection
from engine.adapters.region_attention import attend_in_labels, attend_in_region
from engine.adapters.site_processor import SiteProcessor
from engine.bases.call import beside_each_other

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from engine.adapters.composition import Composition, Term
    from engine.adapters.site_processor import Observer
    from engine.bases.attention_layer import Projection, Rotary
    from engine.bases.attention_site import AttentionSite
    from engine.bases.call import Call, CurrentCall
    from engine.bases.diffusers_types import AttentionModule


class SelfProcessor(SiteProcessor[CrossFrameAttention]):
    """`SA + sum_k w_k (l1 CFA_k(first) + l2 CFA_k(previous))`; keys and values are projected once, by the base.

    A mask stream is `SA + l1 CFA(first) + l2 CFA(previous)` with the projections of its own adapter, at weight 1.

    Args:
        site: where it stands.
        terms: the adapters' parts.
        composition: all adapters.
        calls: the base's call in progress.
        observe: see `SiteProcessor`.
        times: see `CrossFrameUpdates`.
    """

    def __init__(
        self,
        site: AttentionSite,
        terms: Sequence[Term[CrossFrameAttention]],
        composition: Composition,
        *,
        calls: CurrentCall,
        observe: Observer | None = None,
        times: Mapping[float, Tensor] | None = None,
    ) -> None:
        super().__init__(site, terms, composition, calls=calls, observe=observe)
        self._form = base_form(composition)
        self._updates = CrossFrameStreams(site, self._terms, composition, times)

    def begin(self, call: Call | None) -> None:
        """Look up what is known of the call's timestep."""
        super().begin(call)
        self._updates.begin(call)

    def _compute(
        self,
        attention: AttentionModule,
        hidden: Tensor,
        condition: Tensor | None,
        rotary: Rotary | None,
    ) -> Tensor:
        layer, call = self._site.layer, self._streams() or self._calls.get()
        projection = layer.project(attention, hidden, rotary)
        base = layer.output(attention, self._base(projection, call))
        backend = self._attention_backend
        updates = self._updates.of_pictures(hidden, call, projection, rotary=rotary, backend=backend)
        self._tell(updates)
        if call.streams == 1:
            return self._sum.of(updates, base)
        streams = [self._sum.of(updates, call.of_stream(base, 0))]
        for mask in range(call.streams - 1):
            own = call.of_stream(base, 1 + mask)
            update = self._updates.of_mask(mask, hidden, call, projection, rotary=rotary, backend=backend)
            streams.append(own if update is None else own + update.reshape(own.shape))
        return beside_each_other(streams, call.batch)

    def _base(self, projection: Projection, call: Call) -> Tensor:
        """The base's own attention; that of the pictures keeps to its regions."""
        if call.regions is None or self._form == "off":
            return self._attend(projection.query, projection.key, projection.value)
        streams = [self._in_regions(stream_projection(projection, call, 0), call)]
        for stream in range(1, call.streams):
            own = stream_projection(projection, call, stream)
            streams.append(self._attend(own.query, own.key, own.value))
        return streams[0] if len(streams) == 1 else beside_each_other(streams, call.batch)

    def _in_regions(self, projection: Projection, call: Call) -> Tensor:
        """Eq. (3) with one soft mask, else Eq. (S6); within a frame where a row is a frame, else over all frames."""
        if call.regions is None:
            raise ValueError("attention in regions, of which nothing is known")
        regions = call.regions.at(call.grid(self._site.down_scale))
        heads = (projection.query, projection.key, projection.value)
        rows = projection.query.shape[:2]
        if self._form == "soft":
            subject = regions.subject(0, hard=False).reshape(rows)
            return attend_in_region(*heads, looking=subject, seen=subject, hard=False)
        labels = regions.labels.reshape(rows)
        return attend_in_labels(*heads, looking=labels, seen=labels, count=regions.count)
