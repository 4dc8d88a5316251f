"""What a training keeps on a graphics card, and how many samples it computes at once there."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from engine.adapters.miva import MivaAdapter
from engine.bases.base_folder import read_base_spec
from engine.bases.catalog import base_sites
from engine.bases.memory_saving import memory_needs, set_for, widest_numbers
from engine.bases.memory_set import CONTEXT_BYTES, GIB, TRAINING_SETS, WHOLE, room_bytes
from engine.training.adapter_plan import plan_adapter
from registry_schema.errors import ResourceProblem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from engine.bases.memory_set import MemoryNeeds, MemorySet
    from engine.progress import Progress
    from engine.recipe import TrainRecipe

COPIES = 5
"""Of each trained number: itself, its gradient, two moments of AdamW, the running average."""
RECOMPUTED = 90
"""Tensors as wide as the widest attention site that are alive at once when blocks are computed again in the backward
pass. Counted: 78 on `animatediff-v3`, 75 on `wan2.1-t2v-1.3b`, 60 on `nano`; see `engine.counting.training_bytes`."""
KEPT = 1000
"""The same when nothing is computed again. Counted: 586, 970 and 304."""


def training_memory(
    wish: str, folder: Path, recipe: TrainRecipe, *, device: torch.device, dtype: torch.dtype, progress: Progress
) -> MemorySet:
    """The set for a training, one of `TRAINING_SETS`.

    Args:
        wish: see `choose_set`.
        folder: of the base.
        recipe: every choice.
        device: what computes.
        dtype: what the base computes in.
        progress: told about the set.

    Raises:
        UsageProblem: such a wish can not be met.
    """

    def needs() -> MemoryNeeds:
        return training_needs(folder, recipe, dtype=dtype)

    return set_for(wish, device, needs, progress=progress, sets=TRAINING_SETS)


@dataclass(frozen=True)
class Fitted:
    """How a training is made to fit a card: what is kept on it, and how many samples it computes at once."""

    memory: MemorySet
    batch: int


def fit_card(wish: str, free_bytes: int, needs: Mapping[int, MemoryNeeds]) -> Fitted:
    """The first that fits, of the fastest set with smaller and smaller batches, then of the next set.

    Batches come before sets because splitting them changes no number but the rounding of a sum.

    Args:
        wish: GiB of the card, as digits, or `auto` for what is free.
        free_bytes: on the card.
        needs: of a training, by samples computed at once; the largest number is what the recipe asks for.

    Raises:
        ResourceProblem: not even one sample at once fits into the GiB asked for.
    """
    room, batches = room_bytes(wish, free_bytes), sorted(needs, reverse=True)
    for memory in TRAINING_SETS:
        for batch in batches:
            if memory.peak_bytes(needs[batch]) <= room:
                return Fitted(memory, batch)
    smallest = Fitted(TRAINING_SETS[-1], batches[-1])
    least = smallest.memory.peak_bytes(needs[smallest.batch]) + CONTEXT_BYTES
    if wish != "auto" and least > int(wish) * GIB:
        raise ResourceProblem(
            f"training needs about {least / GIB:.1f} GiB even with all that saves memory, `--vram` is `{wish}`",
            hint=f"pass `--vram {math.ceil(least / GIB)}`, or smaller ranks: `--set adapter.ranks.implicit_prompt=16`",
        )
    return smallest


def fitted_training(
    wish: str, folder: Path, recipe: TrainRecipe, *, device: torch.device, dtype: torch.dtype, progress: Progress
) -> tuple[MemorySet, TrainRecipe]:
    """The set for a training, and its recipe in batches that fit; a step sees the same samples, however they are split.

    Args:
        wish: see `choose_set`.
        folder: of the base.
        recipe: every choice.
        device: what computes.
        dtype: what the base computes in.
        progress: told about set and batches.

    Raises:
        UsageProblem: such a wish can not be met.
        ResourceProblem: see `fit_card`.
    """
    if device.type != "cuda" or not (wish == "auto" or wish.isdecimal()):
        memory = training_memory(wish, folder, recipe, device=device, dtype=dtype, progress=progress)
        return memory, recipe
    whole = recipe.optimiser.batch
    divisors = [batch for batch in range(1, whole + 1) if whole % batch == 0]
    needs = {batch: training_needs(folder, in_batches_of(recipe, batch), dtype=dtype) for batch in divisors}
    fitted = fit_card(wish, torch.cuda.mem_get_info(device)[0], needs)
    if fitted.memory != WHOLE:
        progress.note(f"to do with less memory: {fitted.memory.words}")
    if fitted.batch != whole:
        progress.note(f"to do with less memory: {fitted.batch} of {whole} samples are computed at once")
    return fitted.memory, in_batches_of(recipe, fitted.batch)


def in_batches_of(recipe: TrainRecipe, batch: int) -> TrainRecipe:
    """The recipe with its batches split into parts of `batch` samples, which divides them; a step sees as many."""
    optimiser = recipe.optimiser
    parts = optimiser.batch // batch
    split = optimiser.model_copy(update={"batch": batch, "accumulate": optimiser.accumulate * parts})
    return recipe.model_copy(update={"optimiser": split})


def training_needs(folder: Path, recipe: TrainRecipe, *, dtype: torch.dtype) -> MemoryNeeds:
    """What a training of a base needs; from headers and shapes, nothing is loaded."""
    spec, sites = read_base_spec(folder), base_sites(folder)
    adapter = MivaAdapter.empty(plan_adapter(recipe, spec), sites)
    trained = sum(tensor.numel() for tensor in adapter.parameters()) * torch.float32.itemsize * COPIES
    rows = recipe.optimiser.batch * (2 if recipe.masked else 1)
    widest = widest_numbers(sites, spec.clip, spec.latent) * dtype.itemsize * rows
    needs = memory_needs(folder, sites, spec.clip, spec.latent, dtype=dtype, adapters=1)
    kept = 0 if recipe.run.gradient_checkpointing else (KEPT - RECOMPUTED) * widest
    return replace(needs, denoising=trained + RECOMPUTED * widest, kept=kept)
