"""Everything that is counted about a base and its adapters, in one report."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import torch

from engine.count_requests import CountedStep, CountResult
from engine.counting.blueprint import assemble, blueprint, counted_adapter, in_format
from engine.counting.budgets import BUDGETS, Budget
from engine.counting.masked_count import count_masks, empty_latents
from engine.counting.operations import count_with
from engine.counting.training_bytes import training_bytes

if TYPE_CHECKING:
    from engine.adapters.miva import MivaAdapter
    from engine.bases.base import Base
    from engine.count_requests import CountRequest
    from engine.counting.blueprint import Blueprint
    from engine.progress import Progress

DTYPE = torch.bfloat16
PARTS = {"self": "cross_frame_attention", "cross": "implicit_prompt", "temporal": "temporal_lora"}


def count_base(request: CountRequest, progress: Progress) -> CountResult:
    """Parameters, operations of one step and bytes of training, for the clip the base is made for.

    Raises:
        NotFound, SchemaError, IntegrityProblem: no such base, or a folder that is not one.
    """
    plan = blueprint(request.base)
    base = assemble(plan, in_format(plan.denoiser, DTYPE))
    noisy, timestep = empty_latents(base)
    budget = BUDGETS.get(plan.spec.name, Budget())
    steps = _count_steps(base, request.most, budget, progress)
    with progress.phase("counting bytes of training", None):
        training = training_bytes(base, counted_adapter(base), noisy, timestep)
    return CountResult(
        base=plan.spec.name,
        clip=plan.spec.clip,
        dtype=str(DTYPE).removeprefix("torch."),
        parameters=sum(tensor.numel() for tensor in base.denoiser.parameters()),
        parts=count_parts(base, counted_adapter(base)),
        steps=steps,
        training=training,
        saved_at_most=budget.saved,
        peak_at_most=budget.peak,
        masked=count_masks(plan, base, budget, progress) if request.masked else None,
    )


def count_ratio(plan: Blueprint) -> float:
    """Operations of one step with one adapter, as a ratio to the base's own; the plan stays as it is."""
    base = assemble(plan, deepcopy(plan.denoiser))
    noisy, timestep = empty_latents(base)
    bare, adapted = (count_with(base, adapters, noisy, timestep) for adapters in ((), [counted_adapter(base).eval()]))
    return adapted / bare


def count_parts(base: Base, adapter: MivaAdapter) -> dict[str, int]:
    """Trained numbers of each part of an adapter."""
    counts: dict[str, int] = {}
    for site in base.sites():
        if site.path in adapter.parts:
            numbers = sum(tensor.numel() for tensor in adapter.parts[site.path].parameters())
            counts[PARTS[site.kind]] = counts.get(PARTS[site.kind], 0) + numbers
    return counts


def _count_steps(base: Base, most: int, budget: Budget, progress: Progress) -> tuple[CountedStep, ...]:
    noisy, timestep = empty_latents(base)
    ways = ((False, budget.ratio), (True, budget.ratio_without_first))
    adapters = {skip: counted_adapter(base, skip_first=skip).to(DTYPE).eval() for skip, _ in ways}
    with progress.phase("counting operations", 1 + 2 * most) as phase:
        bare = count_with(base, (), noisy, timestep)
        steps = [CountedStep(adapters=0, skip_first=False, operations=bare, ratio=1.0, at_most=None)]
        phase.advance()
        for number in range(1, most + 1):
            for skip, limits in ways:
                operations = count_with(base, [adapters[skip]] * number, noisy, timestep)
                steps.append(CountedStep(number, skip, operations, operations / bare, limits.get(number)))
                phase.advance()
    return tuple(steps)
