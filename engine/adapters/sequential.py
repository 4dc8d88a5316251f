"""Cross-frame attention behind self attention, on the raw residual stream: the authors' order on Wan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from engine.adapters.mask_stream import CrossFrameStreams
from engine.adapters.weighted_sum import WeightedSum
from engine.bases.call import beside_each_other

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from engine.adapters.composition import Composition, Term
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
        composition: all adapters.
        calls: the base's call in progress.
        observe: see `SiteProcessor`.
        times: see `CrossFrameStreams`.

    Source: `DiTBlock.forward` of the authors' code.
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
        self._site = site
        self._terms = tuple(terms)
        self._updates = CrossFrameStreams(site, self._terms, composition, times)
        self._sum = WeightedSum([term.weight for term in self._terms], site.device)
        self._has_masks = bool(composition.masked)
        self._calls = calls
        self._observe = observe

    def begin(self, call: Call | None) -> None:
        """Get ready for a forward pass; see `SiteProcessor.begin`."""
        self._updates.begin(call)

    def __call__(self, stream: Tensor) -> Tensor:
        """What the stream grows by."""
        call = self._calls.get() if self._has_masks else self._calls.get().as_samples()
        site = self._site
        # norms are fed float32 whatever the base computes in
        hidden = stream if call.time_embedding is None else stream.to(call.time_embedding.dtype)
        projection = site.layer.project(site.module, hidden, None)
        backend = getattr(site.processor, "_attention_backend", None)
        updates = self._updates.of_pictures(hidden, call, projection, rotary=None, backend=backend)
        if self._observe is not None:
            seen = zip(self._terms, updates, strict=True)
            self._observe(site, {term.index: update for term, update in seen})
        if call.streams == 1:
            return self._sum.of(updates).reshape(hidden.shape)
        streams = [self._sum.of(updates).reshape(call.batch, *hidden.shape[1:])]
        for mask in range(call.streams - 1):
            update = self._updates.of_mask(mask, hidden, call, projection, rotary=None, backend=backend)
            streams.append(torch.zeros_like(streams[0]) if update is None else update.reshape(streams[0].shape))
        return beside_each_other(streams, call.batch)
