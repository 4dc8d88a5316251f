"""Cross attention replaced by the implicit prompts of adapters (MIVA 3.3.2 and D.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch.nn import functional as F

from engine.adapters.adapter_regions import region_rules, regions_by
from engine.adapters.foreign_hooks import is_plain
from engine.adapters.site_processor import SiteProcessor
from engine.adapters.weighted_sum import WeightedSum
from engine.bases.call import beside_each_other

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from engine.adapters.composition import Composition, Term
    from engine.adapters.implicit_prompt import ImplicitPrompt
    from engine.adapters.site_processor import Observer
    from engine.bases.attention_layer import Rotary
    from engine.bases.attention_site import AttentionSite
    from engine.bases.call import Call, CurrentCall
    from engine.bases.diffusers_types import AttentionModule


class CrossProcessor(SiteProcessor["ImplicitPrompt"]):
    """`sum_k w_k CA_k`, and the base's own attention to words for the share of adapters without a prompt.

    With masks, `sum_k w_k (s_k CA_k + (1 - s_k) background_k)` for the pictures; a mask stream has the prompt of its
    own adapter, at weight 1.

    Args:
        site: where it stands.
        terms: the adapters' prompts.
        composition: all adapters; None for the processor of a mask stream, which keeps to no region.
        calls: the base's call in progress.
        observe: see `SiteProcessor`.
        base_share: how much of the base's own attention stays.
    """

    def __init__(
        self,
        site: AttentionSite,
        terms: Sequence[Term[ImplicitPrompt]],
        composition: Composition | None,
        *,
        calls: CurrentCall,
        observe: Observer | None = None,
        base_share: float = 0.0,
    ) -> None:
        super().__init__(site, terms, composition, calls=calls, observe=observe)
        self._keeps_words = base_share != 0
        self._words_sum = WeightedSum([base_share], site.device)
        self._base = site.processor
        self._prompts = [term.part for term in self._terms]
        self._backgrounds = _backgrounds(site, self._terms, composition)
        self._folds = [Fold(part) for part in (*self._prompts, *self._backgrounds.values())]
        self._maps = self._folded()
        self._rules = region_rules(composition, self._terms, "prompt")
        self._masks = () if composition is None else _of_masks(site, composition, calls)

    def begin(self, call: Call | None) -> None:
        """Fold for compiled code, which does not notice that a query projection was exchanged, moved or cast."""
        super().begin(call)
        for mask in self._masks:
            mask.begin(call)
        if all(term.part.down.weight.device == self._site.device for term in self._terms):
            self._maps = self._folded()

    def _compute(
        self, attention: AttentionModule, hidden: Tensor, condition: Tensor | None, rotary: Rotary | None
    ) -> Tensor:
        call = self._streams()
        if call is None or call.streams == 1:
            return self.of_one_stream(attention, hidden, condition, rotary)
        inputs = [
            (call.of_stream(hidden, stream), None if condition is None else call.of_stream(condition, stream), rotary)
            for stream in range(call.streams)
        ]
        masks = [mask.of_one_stream(attention, *given) for mask, given in zip(self._masks, inputs[1:], strict=True)]
        return beside_each_other([self.of_one_stream(attention, *inputs[0]), *masks], call.batch)

    def of_one_stream(
        self, attention: AttentionModule, hidden: Tensor, condition: Tensor | None, rotary: Rotary | None
    ) -> Tensor:
        """The layer's output for the stream that the terms are for."""
        updates = self._updates(attention, hidden)
        self._tell(updates)
        words = None
        if self._keeps_words:
            words = self._base(attention, hidden, condition, None, rotary)
            words = self._words_sum.of([words])
        return self._sum.of(updates, words) if updates or words is not None else torch.zeros_like(hidden)

    def _updates(self, attention: AttentionModule, hidden: Tensor) -> list[Tensor]:
        """Each prompt's answer, where it acts; beyond, that of its background."""
        regions = self._regions()
        if regions is None or not self._has_masks:
            return self._answers(attention, hidden, self._prompts)
        answers = self._answers(attention, hidden, (*self._prompts, *self._backgrounds.values()))
        behind = dict(zip(self._backgrounds, answers[len(self._prompts) :], strict=True))
        updates = []
        own = zip(self._terms, answers[: len(self._prompts)], regions_by(self._rules, regions), strict=True)
        for term, answer, region in own:
            if region is None:
                updates.append(answer)
                continue
            share = region.subject.reshape(*hidden.shape[:-1], 1).to(hidden.dtype)
            update = answer * share
            updates.append(update + behind[term.index] * (1 - share) if term.index in behind else update)
        return updates

    def _answers(self, attention: AttentionModule, hidden: Tensor, prompts: Sequence[ImplicitPrompt]) -> list[Tensor]:
        """What the first prompts, or all, say to each token."""
        # offloaded weights are there only now, while their layer computes
        maps = self._maps if torch.compiler.is_compiling() else self._folded()
        queries: dict[bool, Tensor] = {}
        answers = []
        for part, folded in zip(prompts, maps, strict=False):
            if folded is not None:
                answers.append(part.from_rank(F.linear(hidden, *folded)))
                continue
            biased = part.query_bias
            if biased not in queries:
                queries[biased] = self._site.layer.query(attention, hidden, biased=biased)
            answers.append(part.from_query(queries[biased]))
        return answers

    def _folded(self) -> tuple[tuple[Tensor, Tensor | None] | None, ...]:
        """For each adapter the one map from hidden states to rank, where there is one."""
        if self._site.layer.norms_query:
            return (None,) * len(self._folds)
        return tuple(fold.of(self._site.module.to_q) for fold in self._folds)


def _backgrounds(
    site: AttentionSite, terms: Sequence[Term[ImplicitPrompt]], composition: Composition | None
) -> dict[int, ImplicitPrompt]:
    """The prompts of masked adapters for what is not their subject, by place in the composition."""
    if composition is None:
        return {}
    parts = {term.index: composition.entries[term.index][0].mask_parts.get(site.path) for term in terms}
    return {index: cast("ImplicitPrompt", part) for index, part in parts.items() if part is not None}


def _of_masks(site: AttentionSite, composition: Composition, calls: CurrentCall) -> tuple[CrossProcessor, ...]:
    """What computes each mask stream: the adapter's prompt, or the base where it has none."""
    terms = (composition.stream_term(site, index) for index in composition.masked)
    own = [[] if term is None else [cast("Term[ImplicitPrompt]", term)] for term in terms]
    return tuple(CrossProcessor(site, one, None, calls=calls, base_share=0.0 if one else 1.0) for one in own)


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
