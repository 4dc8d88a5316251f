"""Cross-frame attention behind self attention, on the raw residual stream: the authors' order on Wan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.adapters.cross_frame_updates import CrossFrameUpdates
from engine.adapters.weighted_sum import WeightedSum

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from engine.adapters.composition import Term
    from engine.adapters.cross_frame import CrossFrameAttention
    from engine.adapters.site_processor import Observer
    from engine.bases.attention_site import AttentionSite
    from engine.bases.call import Call, CurrentCall


class SequentialCrossFrame:
    """`x <- x + gate SA(u)`, then `x <- x + sum_k w_k (l1 CFA_k(first) + l2 CFA_k(previous))` of x itself.

    There is no norm, modulation or gate between the stream and the attention, and no rotary position.

    Args:
        site: a self site whose residual stream can be met.
        terms: the adapters' parts there.
        calls: the base's call in progress.
        observe: see `SiteProcessor`.
        times: see `CrossFrameUpdates`.

    Source: `DiTBlock.forward` of the authors' code.
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
        self._site = site
        self._terms = tuple(terms)
        self._updates = CrossFrameUpdates(site, [term.part for term in self._terms], times)
        self._sum = WeightedSum([term.weight for term in self._terms], site.device)
        self._calls = calls
        self._observe = observe

    def begin(self, call: Call | None) -> None:
        """Get ready for a forward pass; see `SiteProcessor.begin`."""
        self._updates.begin(call)

    def __call__(self, stream: Tensor) -> Tensor:
        """What the stream grows by."""
        call = self._calls.get()
        site = self._site
        # norms are fed float32 whatever the base computes in
        hidden = stream if call.time_embedding is None else stream.to(call.time_embedding.dtype)
        given = site.input(hidden, call)
        projection = site.layer.project(site.module, hidden, None)
        backend = getattr(site.processor, "_attention_backend", None)
        updates = self._updates.at(given, projection, rotary=None, backend=backend)
        if self._observe is not None:
            seen = zip(self._terms, updates, strict=True)
            self._observe(site, {term.index: update for term, update in seen})
        return self._sum.of(updates).reshape(hidden.shape)
