"""Cross attention replaced by the implicit prompts of adapters (MIVA 3.3.2 and D.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from engine.adapters.foreign_hooks import is_plain
from engine.adapters.site_processor import SiteProcessor
from engine.adapters.weighted_sum import WeightedSum

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from engine.adapters.composition import Term
    from engine.adapters.implicit_prompt import ImplicitPrompt
    from engine.adapters.site_processor import Observer
    from engine.bases.attention_layer import Rotary
    from engine.bases.attention_site import AttentionSite
    from engine.bases.call import Call, CurrentCall
    from engine.bases.diffusers_types import AttentionModule


class CrossProcessor(SiteProcessor["ImplicitPrompt"]):
    """`sum_k w_k CA_k`, and the base's own attention to words for the share of adapters without a prompt.

    Args:
        site: where it stands.
        terms: the adapters' prompts.
        calls: the base's call in progress.
        observe: see `SiteProcessor`.
        base_share: how much of the base's own attention stays.
    """

    def __init__(
        self,
        site: AttentionSite,
        terms: Sequence[Term[ImplicitPrompt]],
        *,
        calls: CurrentCall,
        observe: Observer | None = None,
        base_share: float = 0.0,
    ) -> None:
        super().__init__(site, terms, calls=calls, observe=observe)
        self._keeps_words = base_share != 0
        self._words_sum = WeightedSum([base_share], site.device)
        self._base = site.processor
        self._folds = [Fold(term.part) for term in self._terms]
        self._maps = self._folded()

    def begin(self, call: Call | None) -> None:
        """Fold for compiled code, which does not notice that a query projection was exchanged, moved or cast."""
        del call
        if all(term.part.down.weight.device == self._site.device for term in self._terms):
            self._maps = self._folded()

    def _compute(
        self, attention: AttentionModule, hidden: Tensor, condition: Tensor | None, rotary: Rotary | None
    ) -> Tensor:
        updates = self._updates(attention, hidden)
        self._tell(updates)
        words = None
        if self._keeps_words:
            words = self._base(attention, hidden, condition, None, rotary)
            words = self._words_sum.of([words])
        return self._sum.of(updates, words) if updates or words is not None else torch.zeros_like(hidden)

    def _updates(self, attention: AttentionModule, hidden: Tensor) -> list[Tensor]:
        # offloaded weights are there only now, while their layer computes
        maps = self._maps if torch.compiler.is_compiling() else self._folded()
        queries: dict[bool, Tensor] = {}
        updates = []
        for term, folded in zip(self._terms, maps, strict=True):
            if folded is not None:
                updates.append(term.part.from_rank(F.linear(hidden, *folded)))
                continue
            biased = term.part.query_bias
            if biased not in queries:
                queries[biased] = self._site.layer.query(attention, hidden, biased=biased)
            updates.append(term.part.from_query(queries[biased]))
        return updates

    def _folded(self) -> tuple[tuple[Tensor, Tensor | None] | None, ...]:
        """For each adapter the one map from hidden states to rank, where there is one."""
        if self._site.layer.norms_query:
            return (None,) * len(self._folds)
        return tuple(fold.of(self._site.module.to_q) for fold in self._folds)


class Fold:
    """One map instead of two, the base's query projection and a prompt's `down`, where nothing stands between them.

    Args:
        part: the prompt.
    """

    def __init__(self, part: ImplicitPrompt) -> None:
        self._part = part
        self._weight: Tensor | None = None
        self._place: tuple[object, ...] = ()
        self._folded: tuple[Tensor, Tensor | None] | None = None

    def of(self, projection: nn.Module) -> tuple[Tensor, Tensor | None] | None:
        """Weight and bias of the one map; None where `projection` is more than a linear layer, or in training.

        Made once, and again when the layer was exchanged, moved or cast.
        """
        if self._part.training or not is_plain(projection):
            return None
        weight = projection.weight
        if self._weight is not weight or (weight.device, weight.dtype) != self._place:
            self._weight, self._place = weight, (weight.device, weight.dtype)
            self._folded = self._part.folded(projection)
        return self._folded
