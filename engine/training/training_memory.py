"""Which set of what stays on a graphics card a training takes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from engine.adapters.miva import MivaAdapter
from engine.bases.base_folder import read_base_spec
from engine.bases.catalog import base_sites
from engine.bases.memory_saving import memory_needs, set_for, widest_numbers
from engine.bases.memory_set import TRAINING_SETS
from engine.training.adapter_plan import plan_adapter

if TYPE_CHECKING:
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
