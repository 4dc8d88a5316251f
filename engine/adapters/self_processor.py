"""Self attention of the base with the cross-frame attention of adapters added (MIVA Eq. 2 and S4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.adapters.cross_frame import CrossFrameAttention
from engine.adapters.cross_frame_updates import cross_frame_updates
from engine.adapters.site_processor import SiteProcessor

if TYPE_CHECKING:
    from torch import Tensor

    from engine.bases.attention_layer import Rotary
    from engine.bases.diffusers_types import AttentionModule


class SelfProcessor(SiteProcessor[CrossFrameAttention]):
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
        base = layer.output(attention, self._attend(projection.query, projection.key, projection.value))
        parts = [term.part for term in self._terms]
        updates = cross_frame_updates(
            self._site, parts, given, projection, rotary=rotary, backend=self._attention_backend
        )
        self._tell(updates)
        return self._added(base, updates)
