"""One training from a folder of clips to an adapter: the straight line that `engine.api` calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.adapters.miva import MivaAdapter
from engine.bases.memory_set import WHOLE
from engine.sampling.mask_decoder import mask_decoder
from engine.shapes import latent_shape
from engine.training.adapter_plan import plan_adapter
from engine.training.clip_dataset import open_clips
from engine.training.draft import TrainOutcome
from engine.training.events import CheckpointFailed, StepDone, StepSkipped
from engine.training.latent_cache import LatentCache
from engine.training.latent_set import LatentSet
from engine.training.masked_latents import MaskedLatentSet
from engine.training.run_folder import claim_run_folder
from engine.training.trainer import Trainer
from registry_schema.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

    from engine.bases.base import Base
    from engine.progress import Progress
    from engine.recipe import TrainRecipe
    from engine.sampling.mask_decoder import MaskDecoder

LATENTS_NAME = "latents"


@dataclass(frozen=True)
class Footage:
    """What is trained on.

    Attributes:
        clips: a folder of clips of one motion.
        masks: for a masked adapter, `f h w` in 0..1 by each clip's file name, as many frames as the clip has.
    """

    clips: Path
    masks: Mapping[str, Tensor] | None = None


def run_training(
    base: Base, footage: Footage, recipe: TrainRecipe, run_dir: Path, *, resume: bool, progress: Progress
) -> TrainOutcome:
    """The adapter that `recipe` makes of the clips; the base stays frozen.

    Args:
        base: loaded in the format it shall compute in; see `training_dtype`.
        footage: clips of one motion, and their masks for a masked adapter.
        recipe: every choice; `adapter.motion` must be said.
        run_dir: log, latents and saved states; belongs to this run alone.
        resume: go on from the newest saved state there, if there is one.
        progress: told about clips, encoding and steps.

    Raises:
        UnusableClips: a clip can not be used.
        UsageProblem: masks are missing, or nobody asked for them.
        Busy: the folder holds a run already and `resume` is off, or another process works in it.
        Interrupted: somebody asked to stop; the state is saved.
    """
    spec = plan_adapter(recipe, base.spec)
    _require_masks(footage, recipe)
    with claim_run_folder(run_dir, resume=resume):
        dataset = open_clips(footage.clips, base.spec.clip, recipe.clips, seed=recipe.run.seed, progress=progress)
        pictures = LatentSet(dataset, base, LatentCache(run_dir / LATENTS_NAME), flip=recipe.clips.flip)
        examples = pictures if footage.masks is None else MaskedLatentSet(pictures, footage.masks)
        decoder = _decoder(base, recipe) if recipe.masked else None
        examples.encode(progress)
        adapter = MivaAdapter.create(spec, base.sites(), seed=recipe.run.seed)
        trainer = Trainer(base, adapter, examples, recipe, run_dir, decoder)
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


def _require_masks(footage: Footage, recipe: TrainRecipe) -> None:
    if recipe.masked and footage.masks is None:
        raise UsageProblem(
            "the recipe makes a masked adapter, and the clips have no masks",
            hint="`mivactl mask CLIPS/ --for NAME` makes masks; or train without `--masked`",
        )
    if footage.masks is not None and not recipe.masked:
        raise UsageProblem(
            "there are masks of the clips, and the recipe makes an adapter without a mask stream",
            hint="pass `--masked`",
        )


def _decoder(base: Base, recipe: TrainRecipe) -> MaskDecoder:
    return mask_decoder(recipe.masks.decoder, base, latent_shape(base.spec.clip, base.spec.latent))


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
