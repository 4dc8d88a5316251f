"""Cross attention replaced by the implicit prompts of adapters (MIVA 3.3.2 and D.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
        self._keeps_words = base_share != 0
        self._base_shares = self._as_tensor([base_share])
        self._base = site.processor
        self._folded = [_fold(site, term.part) for term in self._terms]

    def _compute(
        self, attention: AttentionModule, hidden: Tensor, condition: Tensor | None, rotary: Rotary | None
    ) -> Tensor:
        updates = self._updates(attention, hidden)
        self._tell(updates)
        words = None
        if self._keeps_words:
            words = self._base(attention, hidden, condition, None, rotary)
            words = self._times(words, self._base_share, self._base_shares)
        return self._added(words, updates) if updates or words is not None else torch.zeros_like(hidden)

    def _updates(self, attention: AttentionModule, hidden: Tensor) -> list[Tensor]:
        query: Tensor | None = None
        updates = []
        for term, folded in zip(self._terms, self._folded, strict=True):
            if folded is not None:
                updates.append(term.part.from_rank(F.linear(hidden, *folded)))
                continue
            query = self._site.layer.query(attention, hidden) if query is None else query
            updates.append(term.part.from_query(query))
        return updates


def _fold(site: AttentionSite, part: ImplicitPrompt) -> tuple[Tensor, Tensor | None] | None:
    """One map instead of two, where that is exact: nothing between them, and nothing about to change them."""
    projection = site.module.to_q
    plain = type(projection) is nn.Linear and not projection._forward_hooks and not projection._forward_pre_hooks
    if part.training or site.layer.norms_query or not plain:
        return None
    return part.folded(projection)
