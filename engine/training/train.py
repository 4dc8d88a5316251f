"""A training from a request to a draft: device, memory, base, run, files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from engine.bases.catalog import load_base
from engine.bases.compiling import COMPILING
from engine.device import choose_dtype
from engine.progress import SilentProgress
from engine.requests import TrainResult
from engine.training.draft import write_draft
from engine.training.masks_beside import masks_of
from engine.training.processes import joined_processes
from engine.training.run import Footage, RunPlace, run_training
from engine.training.shared_recipe import shared_recipe
from engine.training.trackers import require_trackers
from engine.training.training_memory import fitted_training

if TYPE_CHECKING:
    from engine.bases.base import Base
    from engine.bases.memory_set import MemorySet
    from engine.progress import Progress
    from engine.recipe import TrainRecipe
    from engine.requests import TrainRequest
    from engine.training.outcome import TrainOutcome
    from engine.training.processes import Processes

RUN_FOLDER = "run"


def train_adapter(request: TrainRequest, progress: Progress) -> TrainResult:
    """The trained adapter as a draft in `request.output`; its `run/` has log, looks and saved states.

    Raises:
        UsageProblem, NotFound: clips or masks that can not be used, a recipe without a motion, an unknown memory set
            or a package that is missing.
        Busy: the folder holds a run, and `resume` is off.
        ResourceProblem: it needs more memory than it may have.
        Interrupted: Ctrl-C; the state is saved, and `resume` goes on from it.
    """
    require_trackers(request.trackers)
    with joined_processes() as processes:
        told = progress if processes.is_first else SilentProgress()
        recipe = shared_recipe(request.recipe, processes.count, keep_steps=request.keep_steps)
        if processes.count > 1:
            optimiser = recipe.optimiser
            told.note(
                f"{processes.count} processes: {optimiser.batch * optimiser.accumulate} samples a step, "
                f"{optimiser.steps} steps"
            )
        masks = masks_of(request, told)
        base, recipe = ready_base(request, recipe, processes, told)
        place = RunPlace(
            folder=request.output / RUN_FOLDER,
            resume=request.resume,
            processes=processes,
            photos=request.photos,
            trackers=request.trackers,
        )
        footage = Footage(request.clips, masks)
        outcome = run_training(base, footage, recipe, place, progress=told)
    if processes.is_first:
        write_draft(request.output, outcome, base.spec, name=request.name, footage=request.footage)
    return _result(request, outcome, is_first=processes.is_first)


def ready_base(
    request: TrainRequest, recipe: TrainRecipe, processes: Processes, progress: Progress
) -> tuple[Base, TrainRecipe]:
    """The base on its device, kept as small as it has to be, and the recipe in batches that fit beside it.

    Raises:
        UsageProblem, ResourceProblem: see `fitted_training`.
        NotFound, IntegrityProblem: files of the base.
    """
    device = processes.device
    dtype = training_dtype(recipe, device)
    memory, recipe = fitted_training(
        request.memory, request.base, recipe, device=device, dtype=dtype, progress=progress
    )
    with progress.phase("loading", 1) as phase:
        base = _loaded(request, device, dtype, memory, progress)
        phase.advance()
    return base, recipe


def training_dtype(recipe: TrainRecipe, device: torch.device) -> torch.dtype:
    """What the base computes in."""
    choice = recipe.run.precision
    if choice == "auto":
        best = choose_dtype(device)
        # float16 would need its loss scaled
        return torch.float32 if best is torch.float16 else best
    return {"fp32": torch.float32, "bf16": torch.bfloat16}[choice]


def _loaded(
    request: TrainRequest, device: torch.device, dtype: torch.dtype, memory: MemorySet, progress: Progress
) -> Base:
    base = load_base(request.base, device=device, dtype=dtype, memory=memory)
    if request.compiled:
        base.compile()
        progress.note(COMPILING)
    return base


def _result(request: TrainRequest, outcome: TrainOutcome, *, is_first: bool) -> TrainResult:
    return TrainResult(
        folder=request.output,
        spec=outcome.adapter.spec,
        clips=len(outcome.dataset.clips),
        held_out=len(outcome.held_out.clips) if outcome.held_out else 0,
        steps=outcome.steps,
        skipped=outcome.skipped,
        seconds=outcome.seconds,
        final_loss=outcome.final_loss,
        chosen_step=outcome.chosen_step,
        choice=outcome.choice.reason if outcome.choice else "",
        preview=outcome.picture,
        is_first=is_first,
    )
