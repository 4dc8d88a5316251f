"""Cross-frame attention behind self attention, on the raw residual stream: the authors' order on Wan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from engine.adapters.cross_frame_updates import CrossFrameUpdates
from registry_schema.errors import Incompatible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor, nn
    from torch.utils.hooks import RemovableHandle

    from engine.adapters.composition import Term
    from engine.adapters.cross_frame import CrossFrameAttention
    from engine.adapters.site_processor import Observer
    from engine.bases.attention_site import AttentionSite
    from engine.bases.call import CurrentCall


class SequentialCrossFrame:
    """`x <- x + gate SA(u)`, then `x <- x + sum_k w_k (l1 CFA_k(first) + l2 CFA_k(previous))` of x itself.

    There is no norm, modulation or gate between the stream and the attention, and no rotary position. The stream is
    met on its way into the next layer's norm; what is added there is added once more to that layer's output, since the
    block keeps its own copy of the sum.

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
        self._calls = calls
        self._observe = observe
        self._added: Tensor | None = None

    def place(self) -> tuple[RemovableHandle, ...]:
        """Put it on the stream; removing the handles takes it off."""
        stream = self._site.stream
        if stream is None:
            msg = f"there is no residual stream behind `{self._site.path}`"
            raise Incompatible(msg)
        return (
            stream.norm.register_forward_pre_hook(self._on_stream),
            stream.reader.register_forward_hook(self._on_reader),
        )

    def _on_stream(self, _norm: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        stream, *rest = inputs
        self._added = self._sum(stream)
        return (stream + self._added.to(stream.dtype), *rest)

    def _on_reader(self, _reader: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        added, self._added = self._added, None
        return output if added is None else output + added.to(output.dtype)

    def _sum(self, stream: Tensor) -> Tensor:
        call = self._calls.get()
        site = self._site
        # norms are fed float32 whatever the base computes in
        hidden = stream if call.time_embedding is None else stream.to(call.time_embedding.dtype)
        given = site.input(hidden, call)
        projection = site.layer.project(site.module, hidden, None)
        backend = getattr(site.processor, "_attention_backend", None)
        updates = self._updates.at(call, given, projection, rotary=None, backend=backend)
        if self._observe is not None:
            seen = zip(self._terms, updates, strict=True)
            self._observe(site, {term.index: update for term, update in seen})
        weighted = [update * term.weight for term, update in zip(self._terms, updates, strict=True)]
        return torch.stack(weighted).sum(dim=0).reshape(hidden.shape)
