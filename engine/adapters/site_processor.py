"""What all attention processors of adapters have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Generic

import torch

from engine.adapters.composition import Part_co, Term
from registry_schema.errors import Incompatible

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor

    from engine.bases.attention_layer import Rotary
    from engine.bases.attention_site import AttentionSite
    from engine.bases.call import Call, CurrentCall
    from engine.bases.diffusers_types import AttentionModule

    Observer = Callable[[AttentionSite, Mapping[int, Tensor]], None]


class SiteProcessor(ABC, Generic[Part_co]):
    """Computes one attention site of a base with adapters on it.

    A plain object that owns no parameters: nothing of it shows in the base's state dict, and casting or moving the base
    does not reach the adapters.

    Args:
        site: where it stands.
        terms: the adapters' parts there.
        calls: the base's call in progress.
        observe: is told each adapter's update at the site, by place in the composition and without its weight.
    """

    # diffusers writes these two on every processor of a `WanAttention`
    _attention_backend = None
    _parallel_config = None

    def __init__(
        self,
        site: AttentionSite,
        terms: Sequence[Term[Part_co]],
        *,
        calls: CurrentCall,
        observe: Observer | None = None,
    ) -> None:
        self._site = site
        self._terms = tuple(terms)
        self._calls = calls
        self._observe = observe
        self._weights = self._as_tensor([term.weight for term in self._terms])

    def begin(self, call: Call) -> None:
        """Get ready for a forward pass of the denoiser, outside of what is compiled."""

    def __call__(
        self,
        attn: AttentionModule,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        rotary_emb: Rotary | None = None,
    ) -> Tensor:
        """The layer's output, in the shape of `hidden_states`; called by diffusers, by these names."""
        if attention_mask is not None:
            msg = f"attention site `{self._site.path}` was given a mask, expected none"
            raise Incompatible(msg)
        return self._compute(attn, hidden_states, encoder_hidden_states, rotary_emb)

    @abstractmethod
    def _compute(
        self, attention: AttentionModule, hidden: Tensor, condition: Tensor | None, rotary: Rotary | None
    ) -> Tensor:
        """The layer's output."""

    def _tell(self, updates: Sequence[Tensor]) -> None:
        if self._observe is not None:
            self._observe(self._site, {term.index: update for term, update in zip(self._terms, updates, strict=True)})

    def _as_tensor(self, numbers: Sequence[float]) -> Tensor:
        """Numbers that compiled code is given instead of knowing them: others are not another code."""
        return torch.tensor(numbers, dtype=torch.float32, device=self._site.device)

    def _times(self, values: Tensor, number: float, given: Tensor) -> Tensor:
        """`values * number`; `given` is the number as `_as_tensor` has it, for compiled code."""
        if not torch.compiler.is_compiling():
            return values * number
        wide = torch.promote_types(values.dtype, torch.float32)
        return (values.to(wide) * given).to(values.dtype)

    def _added(self, base: Tensor | None, updates: Sequence[Tensor]) -> Tensor:
        """`base + sum_k w_k update_k`, without a copy of what is only added."""
        if torch.compiler.is_compiling():
            return self._added_in_compiled_code(base, updates)
        total = base
        for term, update in zip(self._terms, updates, strict=True):
            if total is None:
                total = update if term.weight == 1 else update * term.weight
            else:
                total = torch.add(total, update.reshape(total.shape), alpha=term.weight)
        if total is None:
            msg = f"attention site `{self._site.path}` has nothing to add up"
            raise Incompatible(msg)
        return total

    def _added_in_compiled_code(self, base: Tensor | None, updates: Sequence[Tensor]) -> Tensor:
        """The same with weights as tensors; the compiler makes one loop of it, the wider format costs nothing."""
        dtype = updates[0].dtype if base is None else base.dtype
        wide = torch.promote_types(dtype, torch.float32)
        weighted = [update.to(wide) * weight for update, weight in zip(updates, self._weights.unbind(), strict=True)]
        total = weighted.pop(0) if base is None else base.to(wide)
        for update in weighted:
            total = total + update.reshape(total.shape)
        return total.to(dtype)
