"""One training from a folder of clips to an adapter: the straight line that `engine.api` calls."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from PIL import Image

from engine.adapters.miva import MivaAdapter
from engine.bases.memory_set import WHOLE
from engine.training.adapter_plan import plan_adapter
from engine.training.clip_dataset import open_clips
from engine.training.determinism import determined
from engine.training.evaluation import choose
from engine.training.events import CheckpointFailed, EvaluationFailed, StepDone, StepSkipped
from engine.training.held_out import split_clips
from engine.training.latent_cache import LatentCache
from engine.training.latent_set import LatentSet
from engine.training.looks import FOLDER, LookFolder, looks_in
from engine.training.masked_run import decoder_of, require_masks, watchable, with_masks
from engine.training.outcome import TrainOutcome
from engine.training.previews import preview_pictures
from engine.training.processes import ALONE
from engine.training.run_folder import claim_run_folder
from engine.training.trackers import Trackers, open_trackers
from engine.training.trainer import LOG_NAME, Trainer
from engine.training.watching import RunWatcher
from engine.video.whole_output import whole_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

    from engine.bases.base import Base
    from engine.progress import Progress
    from engine.recipe import TrainRecipe
    from engine.requests import Tracker
    from engine.training.clip_dataset import ClipDataset
    from engine.training.evaluation import Choice
    from engine.training.masked_latents import MaskedLatentSet
    from engine.training.previews import PreviewPicture
    from engine.training.processes import Processes

Encoded = TypeVar("Encoded", bound="LatentSet | MaskedLatentSet")

LATENTS_NAME = "latents"
PICTURE_NAME = "preview.png"


@dataclass(frozen=True, kw_only=True)
class RunPlace:
    """Where a run lies, with whom it is shared, and who is told.

    Attributes:
        folder: log, latents, looks and saved states; belongs to this run alone.
        resume: go on from the newest saved state there, if there is one.
        processes: that train together.
        photos: to preview on, before pictures of the clips.
        trackers: told besides the log.
    """

    folder: Path
    resume: bool = False
    processes: Processes = ALONE
    photos: tuple[Path, ...] = ()
    trackers: tuple[Tracker, ...] = ()


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
    base: Base, footage: Footage, recipe: TrainRecipe, place: RunPlace, *, progress: Progress
) -> TrainOutcome:
    """The adapter that `recipe` makes of the clips; the base stays frozen.

    Args:
        base: loaded in the format it shall compute in.
        footage: clips of one motion, and their masks for a masked adapter.
        recipe: every choice; `adapter.motion` must be said.
        place: of the run.
        progress: told about clips, encoding and steps.

    Raises:
        UnusableClips: a clip can not be used.
        UsageProblem: masks are missing, or nobody asked for them.
        Busy: the folder holds a run already and `resume` is off, or another process works in it.
        Interrupted: somebody asked to stop; the state is saved.
    """
    spec = plan_adapter(recipe, base.spec)
    require_masks(footage.masks, recipe)
    recipe = watchable(recipe, place.photos, progress)
    first, folder = place.processes.is_first, place.folder
    with ExitStack() as stack:
        if first:
            stack.enter_context(claim_run_folder(folder, resume=place.resume))
        stack.enter_context(determined(wanted=recipe.run.deterministic))
        dataset = open_clips(footage.clips, base.spec.clip, recipe.clips, seed=recipe.run.seed, progress=progress)
        training, held_out = split_clips(dataset, recipe)
        decoder = decoder_of(base, recipe)
        latents = _latents(training, base, recipe, place)
        examples = _encode(with_masks(latents, footage.masks), place, progress)
        apart = None if held_out is None else _encode(_latents(held_out, base, recipe, place), place, progress)
        adapter = MivaAdapter.create(spec, base.sites(), seed=recipe.run.seed)
        pictures = _pictures(recipe, place, training, held_out) if first else ()
        watcher = None
        if first and recipe.evaluation.times:
            watcher = RunWatcher(
                base, adapter, apart or latents, training=training, pictures=pictures, recipe=recipe, run_dir=folder
            )
        base.release_autoencoder()
        trainer = Trainer(base, adapter, examples, recipe, folder, decoder, processes=place.processes, watcher=watcher)
        trackers = stack.enter_context(open_trackers(place.trackers if first else (), folder))
        _follow(trainer, recipe, trackers, resume=place.resume, progress=progress)
        choice = _take_weights(trainer, recipe, place) if first else None
    return TrainOutcome(
        adapter=adapter,
        recipe=recipe,
        dataset=training,
        held_out=held_out,
        choice=choice,
        run_dir=folder,
        picture=_kept_picture(pictures, folder),
        steps=trainer.counters.step,
        skipped=trainer.counters.skipped,
        seconds=trainer.counters.seconds,
        final_loss=trainer.counters.last_loss,
        precision=str(base.dtype).removeprefix("torch."),
        memory=None if base.memory == WHOLE else base.memory.name,
    )


def _latents(dataset: ClipDataset, base: Base, recipe: TrainRecipe, place: RunPlace) -> LatentSet:
    return LatentSet(dataset, base, LatentCache(place.folder / LATENTS_NAME), flip=recipe.clips.flip)


def _encode(examples: Encoded, place: RunPlace, progress: Progress) -> Encoded:
    """Makes the latents of clips in the first process; the others find them."""
    with place.processes.first_goes_first():
        examples.encode(progress)
    return examples


def _pictures(
    recipe: TrainRecipe, place: RunPlace, training: ClipDataset, held_out: ClipDataset | None
) -> tuple[PreviewPicture, ...]:
    # what shows a masked adapter takes a mask of the picture, too
    if recipe.masked or not recipe.evaluation.previews:
        return ()
    count = max(recipe.evaluation.previews, len(place.photos))
    return preview_pictures(count, photos=place.photos, training=training, held_out=held_out)


def _kept_picture(pictures: Sequence[PreviewPicture], folder: Path) -> Path | None:
    """The first preview's picture as a file, to show the adapter on when it is done."""
    if not pictures:
        return None
    path = folder / PICTURE_NAME
    with whole_file(path) as fresh:
        Image.fromarray(pictures[0].picture).save(fresh)
    return path


def _take_weights(trainer: Trainer, recipe: TrainRecipe, place: RunPlace) -> Choice:
    """Put the weights to be used into the adapter: those of the best look, or the average of the last step."""
    folder = LookFolder(place.folder / FOLDER)
    looks = looks_in(place.folder / LOG_NAME)
    choice = choose(looks, keep_last=recipe.evaluation.keep == "last", available=folder.steps_with_weights())
    trainer.use_average()
    if choice.chosen is not None:
        trainer.adapter.load_state_dict(folder.weights(choice.chosen.step), strict=True)
    return choice


def _follow(trainer: Trainer, recipe: TrainRecipe, trackers: Trackers, *, resume: bool, progress: Progress) -> None:
    """Runs the trainer to its end and passes on what it tells."""
    with progress.phase("training", recipe.optimiser.steps) as phase:
        done = 0
        for event in trainer.fit(resume=resume):
            trackers.tell(event)
            if isinstance(event, StepDone):
                phase.advance(event.step - done, loss=event.loss, seconds=event.seconds)
            elif isinstance(event, StepSkipped):
                phase.advance(event.step - done, skipped=event.skipped)
                progress.note(f"step {event.step} had no finite loss or gradient and was skipped")
            elif isinstance(event, CheckpointFailed):
                progress.note(f"the state after step {event.step} could not be saved: {event.reason}")
            elif isinstance(event, EvaluationFailed):
                progress.note(f"the look after step {event.step} failed: {event.reason}")
            done = trainer.counters.step
