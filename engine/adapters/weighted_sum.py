"""`base + sum_k w_k update_k`, with weights that compiled code is given instead of knowing them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


class WeightedSum:
    """Sums of updates at fixed weights. Compiled code gets the weights as tensors: other weights are not other code.

    Args:
        weights: one for each update.
        device: where the updates lie.

    Source: MIVA Eq. (S4).
    """

    def __init__(self, weights: Sequence[float], device: torch.device) -> None:
        self._weights = tuple(weights)
        self._given = torch.tensor(weights, dtype=torch.float32, device=device)

    def of(self, updates: Sequence[Tensor], base: Tensor | None = None) -> Tensor:
        """The sum, in the shape and format of `base`, else of the first update; no copy of what is only added.

        Args:
            updates: as many as there are weights; at least one where there is no base.
            base: is added at weight 1.
        """
        if torch.compiler.is_compiling():
            return self._in_compiled_code(updates, base)
        total = base
        for update, weight in zip(updates, self._weights, strict=True):
            if total is None:
                total = update if weight == 1 else update * weight
            else:
                total = torch.add(total, update.reshape(total.shape), alpha=weight)
        if total is None:
            msg = "a sum of nothing, expected a base or an update"
            raise ValueError(msg)
        return total

    def _in_compiled_code(self, updates: Sequence[Tensor], base: Tensor | None) -> Tensor:
        """The same with weights as tensors; the compiler makes one loop of it, the wider format costs nothing."""
        dtype = updates[0].dtype if base is None else base.dtype
        wide = torch.promote_types(dtype, torch.float32)
        weighted = [update.to(wide) * weight for update, weight in zip(updates, self._given.unbind(), strict=True)]
        total = weighted.pop(0) if base is None else base.to(wide)
        for update in weighted:
            total = total + update.reshape(total.shape)
        return total.to(dtype)
