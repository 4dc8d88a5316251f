"""Cross attention replaced by the implicit prompts of adapters (MIVA 3.3.2 and D.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

from engine.adapters.site_processor import SiteProcessor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from engine.adapters.composition import Term
    from engine.adapters.implicit_prompt import ImplicitPrompt
    from engine.adapters.site_processor import Observer
    from engine.bases.attention_layer import Rotary
    from engine.bases.attention_site import AttentionSite
    from engine.bases.call import CurrentCall


class CrossProcessor(SiteProcessor):
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
        terms: Sequence[Term],
        *,
        calls: CurrentCall,
        observe: Observer | None = None,
        base_share: float = 0.0,
    ) -> None:
        super().__init__(site, terms, calls=calls, observe=observe)
        self._base_share = base_share
        self._base: Callable[..., Tensor] = site.processor
        self._folded = [_fold(site, term.part) for term in self._terms]

    def _compute(self, attention: nn.Module, hidden: Tensor, condition: Tensor | None, rotary: Rotary | None) -> Tensor:
        updates = self._updates(attention, hidden)
        self._tell(updates)
        output = self._sum(updates) if updates else torch.zeros_like(hidden)
        if self._base_share:
            output = output + self._base_share * self._base(attention, hidden, condition, None, rotary)
        return output

    def _updates(self, attention: nn.Module, hidden: Tensor) -> list[Tensor]:
        if all(folded is not None for folded in self._folded):
            pairs = zip(self._terms, self._folded, strict=True)
            return [term.part.from_rank(F.linear(hidden, *folded)) for term, folded in pairs]
        query = self._site.layer.query(attention, hidden)
        return [term.part.from_query(query) for term in self._terms]


def _fold(site: AttentionSite, part: ImplicitPrompt) -> tuple[Tensor, Tensor | None] | None:
    """One map instead of two, where that is exact: nothing between them, and nothing about to change them."""
    projection = site.module.to_q
    plain = type(projection) is nn.Linear and not projection._forward_hooks and not projection._forward_pre_hooks
    if part.training or site.layer.norms_query or not plain:
        return None
    return part.folded(projection)
