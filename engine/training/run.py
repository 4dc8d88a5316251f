"""One training from a folder of clips to an adapter: the straight line that `engine.api` calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.adapters.miva import MivaAdapter
from engine.bases.memory_set import WHOLE
from engine.training.adapter_plan import plan_adapter
from engine.training.clip_dataset import open_clips
from engine.training.draft import TrainOutcome
from engine.training.events import CheckpointFailed, StepDone, StepSkipped
from engine.training.latent_cache import LatentCache
from engine.training.latent_set import LatentSet
from engine.training.run_folder import claim_run_folder
from engine.training.trainer import Trainer

if TYPE_CHECKING:
    from pathlib import Path

    from engine.bases.base import Base
    from engine.progress import Progress
    from engine.recipe import TrainRecipe

LATENTS_NAME = "latents"


def run_training(
    base: Base, clips_dir: Path, recipe: TrainRecipe, run_dir: Path, *, resume: bool, progress: Progress
) -> TrainOutcome:
    """The adapter that `recipe` makes of the clips; the base stays frozen.

    Args:
        base: loaded in the format it shall compute in; see `training_dtype`.
        clips_dir: a folder of clips of one motion.
        recipe: every choice; `adapter.motion` must be said.
        run_dir: log, latents and saved states; belongs to this run alone.
        resume: go on from the newest saved state there, if there is one.
        progress: told about clips, encoding and steps.

    Raises:
        UnusableClips: a clip can not be used.
        Busy: the folder holds a run already and `resume` is off, or another process works in it.
        Interrupted: somebody asked to stop; the state is saved.
    """
    spec = plan_adapter(recipe, base.spec)
    with claim_run_folder(run_dir, resume=resume):
        dataset = open_clips(clips_dir, base.spec.clip, recipe.clips, seed=recipe.run.seed, progress=progress)
        examples = LatentSet(dataset, base, LatentCache(run_dir / LATENTS_NAME), flip=recipe.clips.flip)
        examples.encode(progress)
        adapter = MivaAdapter.create(spec, base.sites(), seed=recipe.run.seed)
        trainer = Trainer(base, adapter, examples, recipe, run_dir)
        _follow(trainer, recipe, resume=resume, progress=progress)
    trainer.use_average()
    return TrainOutcome(
        adapter=adapter,
        recipe=recipe,
        dataset=dataset,
        steps=trainer.counters.step,
        skipped=trainer.counters.skipped,
        seconds=trainer.counters.seconds,
        final_loss=trainer.counters.last_loss,
        precision=str(base.dtype).removeprefix("torch."),
        memory=None if base.memory == WHOLE else base.memory.name,
    )


def _follow(trainer: Trainer, recipe: TrainRecipe, *, resume: bool, progress: Progress) -> None:
    """Runs the trainer to its end and passes on what it tells."""
    with progress.phase("training", recipe.optimiser.steps) as phase:
        done = 0
        for event in trainer.fit(resume=resume):
            if isinstance(event, StepDone):
                phase.advance(event.step - done, loss=event.loss, seconds=event.seconds)
            elif isinstance(event, StepSkipped):
                phase.advance(event.step - done, skipped=event.skipped)
                progress.note(f"step {event.step} had no finite loss or gradient and was skipped")
            elif isinstance(event, CheckpointFailed):
                progress.note(f"the state after step {event.step} could not be saved: {event.reason}")
            done = trainer.counters.step
