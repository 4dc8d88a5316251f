"""Cross attention replaced by the implicit prompts of adapters (MIVA 3.3.2 and D.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

import torch
from torch import nn
from torch.nn import functional as F

from engine.adapters.site_processor import SiteProcessor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from engine.adapters.composition import Term
    from engine.adapters.implicit_prompt import ImplicitPrompt
    from engine.adapters.site_processor import Observer
    from engine.bases.attention_layer import Rotary
    from engine.bases.attention_site import AttentionSite
    from engine.bases.call import CurrentCall
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
        self._base_share = base_share
        self._base = site.processor
        self._folds = [Fold(term.part) for term in self._terms]
        for fold in self._folds:
            self._folded(fold, site.module)  # made here, so that a compiled pass finds it made

    def _compute(
        self, attention: AttentionModule, hidden: Tensor, condition: Tensor | None, rotary: Rotary | None
    ) -> Tensor:
        updates = self._updates(attention, hidden)
        self._tell(updates)
        words = None
        if self._base_share:
            words = self._base_share * self._base(attention, hidden, condition, None, rotary)
        return self._added(words, updates) if updates or words is not None else torch.zeros_like(hidden)

    def _updates(self, attention: AttentionModule, hidden: Tensor) -> list[Tensor]:
        queries: dict[bool, Tensor] = {}
        updates = []
        for term, fold in zip(self._terms, self._folds, strict=True):
            folded = self._folded(fold, attention)
            if folded is not None:
                updates.append(term.part.from_rank(F.linear(hidden, *folded)))
                continue
            biased = term.part.query_bias
            if biased not in queries:
                queries[biased] = self._site.layer.query(attention, hidden, biased=biased)
            updates.append(term.part.from_query(queries[biased]))
        return updates

    def _folded(self, fold: Fold, attention: AttentionModule) -> tuple[Tensor, Tensor | None] | None:
        return None if self._site.layer.norms_query else fold.of(attention.to_q)


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
        if self._part.training or not _is_plain(projection):
            return None
        weight = projection.weight
        if self._weight is not weight or (weight.device, weight.dtype) != self._place:
            self._weight, self._place = weight, (weight.device, weight.dtype)
            self._folded = self._part.folded(projection)
        return self._folded


def _is_plain(projection: nn.Module) -> TypeGuard[nn.Linear]:
    """Whether a layer is its weight and bias: no style LoRA around it, no hook, no casting or offloading wrapper."""
    hooked = projection._forward_hooks or projection._forward_pre_hooks or "forward" in vars(projection)
    return type(projection) is nn.Linear and not hooked
