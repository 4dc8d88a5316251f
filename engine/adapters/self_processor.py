"""Self attention of the base with the cross-frame attention of adapters added (MIVA Eq. 2 and S4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.adapters.cross_frame import CrossFrameAttention
from engine.adapters.cross_frame_updates import CrossFrameUpdates
from engine.adapters.site_processor import SiteProcessor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from engine.adapters.composition import Term
    from engine.adapters.site_processor import Observer
    from engine.bases.attention_layer import Rotary
    from engine.bases.attention_site import AttentionSite
    from engine.bases.call import Call, CurrentCall
    from engine.bases.diffusers_types import AttentionModule


class SelfProcessor(SiteProcessor[CrossFrameAttention]):
    """`SA + sum_k w_k (l1 CFA_k(first) + l2 CFA_k(previous))`; keys and values are projected once, by the base.

    Args:
        site: where it stands.
        terms: the adapters' parts.
        calls: the base's call in progress.
        observe: see `SiteProcessor`.
        times: see `CrossFrameUpdates`.
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
        self._updates = CrossFrameUpdates(site, [term.part for term in self._terms], times)

    def begin(self, call: Call | None) -> None:
        """Look up what is known of the call's timestep."""
        self._updates.begin(call)

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
        updates = self._updates.at(given, projection, rotary=rotary, backend=self._attention_backend)
        self._tell(updates)
        return self._sum.of(updates, base)
