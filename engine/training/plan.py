"""`train --plan`: what a training would cost, by a rehearsal of everything it does, in small."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import torch

from engine.adapters.miva import MivaAdapter
from engine.bases.memory_set import WHOLE
from engine.requests import PlannedClip, TrainingPlan
from engine.training.adapter_plan import plan_adapter
from engine.training.clip_dataset import open_clips
from engine.training.events import Evaluated, StepDone
from engine.training.held_out import split_clips
from engine.training.latent_cache import LatentCache
from engine.training.latent_set import LatentSet
from engine.training.masked_run import decoder_of, require_masks, watchable, with_masks
from engine.training.masks_beside import masks_of
from engine.training.peak_memory import PeakMemory
from engine.training.previews import preview_pictures
from engine.training.processes import ALONE
from engine.training.shared_recipe import shared_recipe
from engine.training.train import ready_base
from engine.training.trainer import Trainer
from engine.training.watching import RunWatcher, look_steps

if TYPE_CHECKING:
    from engine.bases.base import Base
    from engine.progress import Progress
    from engine.recipe import TrainRecipe
    from engine.requests import TrainRequest
    from engine.training.clip_dataset import ClipDataset, TrainingClip

WARM_UP: Final = 1
TRIED: Final = 5


@dataclass(frozen=True)
class Rehearsal:
    """Seconds of a window's encoding, of a step and of a look; numbers that learn; the most memory in bytes."""

    encoding: float
    step: float
    look: float
    trained: int
    peak_bytes: int


def plan_training(request: TrainRequest, progress: Progress) -> TrainingPlan:
    """The plan of a training; nothing of the rehearsal stays, and the folder of the draft is not touched.

    Raises:
        UsageProblem, NotFound, ResourceProblem: as the training would.
    """
    peak = PeakMemory(ALONE.device)
    request = replace(request, masks=masks_of(request, progress))
    require_masks(request.masks, request.recipe)
    recipe = watchable(request.recipe, request.photos, progress)
    base, recipe = ready_base(request, recipe, ALONE, progress)
    shared = shared_recipe(recipe, request.gpus, keep_steps=request.keep_steps)
    dataset = open_clips(request.clips, base.spec.clip, recipe.clips, seed=recipe.run.seed, progress=progress)
    training, held_out = split_clips(dataset, recipe)
    tried = _rehearse(base, training, recipe, request, progress, peak)
    apart = {clip.path for clip in held_out.clips} if held_out else set()
    windows = sum(len(clip.windows) for clip in dataset.clips) * (2 if recipe.clips.flip else 1)
    return TrainingPlan(
        base=base.spec.name,
        clip=base.spec.clip,
        device=base.device.type,
        dtype=str(base.dtype).removeprefix("torch."),
        memory=None if base.memory == WHOLE else base.memory.name,
        clips=tuple(_planned(clip, held_out=clip.path in apart) for clip in dataset.clips),
        trained=tried.trained,
        batch=recipe.optimiser.batch,
        samples=shared.optimiser.batch * shared.optimiser.accumulate,
        steps=shared.optimiser.steps,
        looks=len(look_steps(shared.optimiser.steps, recipe.evaluation.times)),
        step_seconds=tried.step,
        look_seconds=tried.look,
        encoding_seconds=tried.encoding * windows,
        peak_bytes=tried.peak_bytes,
        card_bytes=torch.cuda.mem_get_info(base.device)[1] if base.device.type == "cuda" else None,
    )


def _rehearse(
    base: Base,
    training: ClipDataset,
    recipe: TrainRecipe,
    request: TrainRequest,
    progress: Progress,
    peak: PeakMemory,
) -> Rehearsal:
    """The first clip's latents, a few steps, a look and a save, in a folder that goes."""
    one = replace(training, clips=training.clips[:1])
    short = _shortened(recipe)
    with TemporaryDirectory(prefix="mivactl-plan-") as scratch:
        folder = Path(scratch)
        latents = LatentSet(one, base, LatentCache(folder / "latents"), flip=recipe.clips.flip)
        examples, decoder = with_masks(latents, request.masks), decoder_of(base, recipe)
        began = time.perf_counter()
        examples.encode(progress)
        encoding = (time.perf_counter() - began) / (len(one.clips[0].windows) * (2 if recipe.clips.flip else 1))
        adapter = MivaAdapter.create(plan_adapter(recipe, base.spec), base.sites(), seed=recipe.run.seed)
        watcher = None
        if recipe.evaluation.times:
            count = max(recipe.evaluation.previews, len(request.photos)) if recipe.evaluation.previews else 0
            pictures = preview_pictures(count, photos=request.photos, training=training, held_out=None)
            watcher = RunWatcher(base, adapter, latents, training=one, pictures=pictures, recipe=short, run_dir=folder)
        base.release_autoencoder()
        trainer = Trainer(base, adapter, examples, short, folder, decoder, watcher=watcher)
        steps, look = _timed(trainer, progress)
        return Rehearsal(
            encoding=encoding,
            step=statistics.median(steps[WARM_UP:]),
            look=look,
            trained=sum(tensor.numel() for tensor in adapter.parameters()),
            peak_bytes=peak.bytes,
        )


def _timed(trainer: Trainer, progress: Progress) -> tuple[list[float], float]:
    """Seconds of each step of a run, and of its look."""
    steps: list[float] = []
    look, before = 0.0, time.perf_counter()
    with progress.phase("trying", WARM_UP + TRIED) as phase:
        for event in trainer.fit():
            now = time.perf_counter()
            if isinstance(event, StepDone):
                steps.append(event.seconds)
                phase.advance()
            elif isinstance(event, Evaluated):
                look = now - before
            before = now
    return steps, look


def _shortened(recipe: TrainRecipe) -> TrainRecipe:
    """A run of a few steps with one look, at its end."""
    steps = WARM_UP + TRIED
    return recipe.model_copy(
        update={
            "optimiser": recipe.optimiser.model_copy(update={"steps": steps}),
            "evaluation": recipe.evaluation.model_copy(update={"times": min(recipe.evaluation.times, 1)}),
            "run": recipe.run.model_copy(update={"checkpoint_steps": 0, "checkpoint_seconds": 0.0}),
        }
    )


def _planned(clip: TrainingClip, *, held_out: bool) -> PlannedClip:
    facts = clip.facts
    return PlannedClip(
        file=clip.path.name,
        width=facts.width,
        height=facts.height,
        frames=len(facts.times),
        seconds=round(facts.times[-1] - facts.times[0] + facts.frame_seconds, 3),
        windows=len(clip.windows),
        held_out=held_out,
    )
