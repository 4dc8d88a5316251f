"""Floating-point operations of one prediction, as torch counts them: two for each multiplication with addition."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import torch
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from engine.adapters.attach import attached
from engine.adapters.composition import Composition

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from engine.adapters.miva import MivaAdapter
    from engine.bases.base import Base
    from engine.bases.regions import Regions

    Shape = tuple[int, ...]


@torch.no_grad()
def count_operations(
    base: Base, noisy: Tensor, timestep: Tensor, *, streams: int = 1, regions: Regions | None = None
) -> int:
    """Operations of one prediction of a base and what is attached to it; softmax, norms and sums count nothing."""
    # torch knows its kernels of other devices; without this one, attention on processors would count as nothing
    on_processors = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention}
    counter = FlopCounterMode(display=False, custom_mapping=on_processors)
    with counter:
        base.predict(noisy, timestep, streams=streams, regions=regions)
    return counter.get_total_flops()


def count_with(base: Base, adapters: Sequence[MivaAdapter], noisy: Tensor, timestep: Tensor) -> int:
    """The same with `adapters` on a bare base, at equal weights that sum to 1."""
    with attached(base, Composition.of(*adapters)) if adapters else nullcontext():
        return count_operations(base, noisy, timestep)


def _attention(query: Shape, key: Shape, value: Shape, *_: object, **__: object) -> int:
    return sdpa_flop_count(query, key, value)
