"""The doors of the engine: load a studio, animate photos in it, compare its adapters, train a new one, count costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from engine.animation.animate import animate_photo
from engine.animation.comparison import compare_adapters
from engine.animation.memory import SMALLER_TRAINING, memory_problems
from engine.animation.studio import Studio, open_studio
from engine.bases.catalog import load_base
from engine.bases.compiling import COMPILING
from engine.device import choose_device, choose_dtype
from engine.progress import SilentProgress
from engine.requests import TrainResult

if TYPE_CHECKING:
    from engine.progress import Progress
    from engine.requests import (
        AnimateRequest,
        AnimateResult,
        CompareRequest,
        CompareResult,
        CountRequest,
        CountResult,
        StudioRequest,
        TrainRequest,
    )

__all__ = ["Studio", "animate", "compare", "count", "load_studio", "train"]

RUN_FOLDER = "run"


def load_studio(request: StudioRequest, progress: Progress | None = None) -> Studio:
    """A base with adapters, loaded once for any number of photos; see `open_studio`."""
    with memory_problems():
        return open_studio(request, progress or SilentProgress())


def animate(studio: Studio, request: AnimateRequest, progress: Progress | None = None) -> AnimateResult:
    """The clip of one photo; see `animate_photo`."""
    return animate_photo(studio, request, progress or SilentProgress())


def compare(studio: Studio, request: CompareRequest, progress: Progress | None = None) -> CompareResult:
    """Where adapters conflict, and a grid of clips at other weights; see `compare_adapters`."""
    return compare_adapters(studio, request, progress or SilentProgress())


def train(request: TrainRequest, progress: Progress | None = None) -> TrainResult:
    """A new adapter from a folder of clips, as a draft in the folder asked for.

    Raises:
        UsageProblem, NotFound: clips that can not be used, a recipe without a motion, or an unknown memory set.
        Busy: the folder holds a run, and `resume` is off.
        Interrupted: Ctrl-C; the state is saved, and `resume` goes on from it.
    """
    # Decoding clips takes PyAV and the training loop: animating does without both.
    from engine.training.draft import write_draft
    from engine.training.run import run_training
    from engine.training.training_memory import training_memory

    progress = progress or SilentProgress()
    device = choose_device()
    dtype = _training_dtype(request, device)
    memory = training_memory(
        request.memory, request.base, request.recipe, device=device, dtype=dtype, progress=progress
    )
    with memory_problems(SMALLER_TRAINING):
        with progress.phase("loading", 1) as phase:
            base = load_base(request.base, device=device, dtype=dtype, memory=memory)
            if request.compiled:
                base.compile()
                progress.note(COMPILING)
            phase.advance()
        outcome = run_training(
            base, request.clips, request.recipe, request.output / RUN_FOLDER, resume=request.resume, progress=progress
        )
    write_draft(request.output, outcome, base.spec, name=request.name, footage=request.footage)
    return TrainResult(
        folder=request.output,
        spec=outcome.adapter.spec,
        clips=len(outcome.dataset.clips),
        steps=outcome.steps,
        skipped=outcome.skipped,
        seconds=outcome.seconds,
        final_loss=outcome.final_loss,
    )


def count(request: CountRequest, progress: Progress | None = None) -> CountResult:
    """What adapters cost on a base, from shapes alone; see `count_base`."""
    from engine.counting.count import count_base

    return count_base(request, progress or SilentProgress())


def _training_dtype(request: TrainRequest, device: torch.device) -> torch.dtype:
    choice = request.recipe.run.precision
    if choice == "auto":
        best = choose_dtype(device)
        # float16 would need its loss scaled
        return torch.float32 if best is torch.float16 else best
    return {"fp32": torch.float32, "bf16": torch.bfloat16}[choice]
