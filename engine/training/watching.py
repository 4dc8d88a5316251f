"""`RunWatcher`: looks at a run in progress, by numbers and by pictures, with the weights that would be used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.training.copies import TrainedFrames
from engine.training.evaluation import Evaluation, best_of
from engine.training.events import Evaluated
from engine.training.held_out import HeldOutLoss
from engine.training.looks import FOLDER, LookFolder, looks_in
from engine.training.motion_marks import SMALLEST_FLOW, mean_marks, motion_marks
from engine.training.objective import Objective
from engine.training.previews import PreviewRenderer
from engine.training.trainer import LOG_NAME
from engine.video.clip_tensor import to_frames

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from jaxtyping import UInt8

    from engine.adapters.miva import MivaAdapter
    from engine.bases.base import Base
    from engine.recipe import TrainRecipe
    from engine.training.clip_dataset import ClipDataset
    from engine.training.motion_marks import MotionMarks
    from engine.training.previews import PreviewPicture
    from engine.training.sample_loss import Examples

MARKED_CLIPS: Final = 8
"""Clips whose motion stands for all; a flow of large frames takes half a second."""
COMPARED_CLIPS: Final = 100
"""Clips in which copies are looked for."""


def look_steps(steps: int, times: int) -> set[int]:
    """After how many steps a run of `steps` is looked at, `times` times; the last step is among them."""
    return {max(1, round(steps * turn / times)) for turn in range(1, times + 1)}


class RunWatcher:
    """Looks at one run.

    Args:
        base: the one that is trained on.
        adapter: that is trained.
        examples: latents for the loss: held out, or of the training clips.
        training: the clips that are trained on.
        pictures: for previews.
        recipe: says how often, and how closely.
        run_dir: of the run.
    """

    def __init__(  # noqa: PLR0913 - what a look looks at
        self,
        base: Base,
        adapter: MivaAdapter,
        examples: Examples,
        *,
        training: ClipDataset,
        pictures: Sequence[PreviewPicture],
        recipe: TrainRecipe,
        run_dir: Path,
    ) -> None:
        self._base = base
        self._adapter = adapter
        self._recipe = recipe
        self._steps = look_steps(recipe.optimiser.steps, recipe.evaluation.times)
        self._loss = HeldOutLoss(base, Objective(base.spec.noise_schedule, recipe.loss), examples, recipe)
        self._pictures = tuple(pictures)
        self._renderer = PreviewRenderer(base, adapter.spec, pictures, seed=recipe.run.seed)
        self._trained = TrainedFrames(_first_windows(training, COMPARED_CLIPS) if pictures else ())
        self._clips_marks = _marks_of(training, pictures)
        self._folder = LookFolder(run_dir / FOLDER)
        self._log_path = run_dir / LOG_NAME

    def is_due(self, step: int) -> bool:
        """Whether to look after so many steps."""
        return step in self._steps

    def look(self, step: int) -> Evaluated:
        """What there is to see now.

        Raises:
            OSError, UsageProblem, ResourceProblem: what was seen could not be written.
            MivaError: the base gave values that are not finite.
        """
        loss = self._loss()
        clips = [self._renderer.render(place) for place in range(len(self._pictures))]
        self._base.release_autoencoder()
        seen = Evaluation(step, loss, *self._judged(clips))
        sheet = self._write_previews(seen, clips) if clips else None
        if self._recipe.evaluation.keep == "best":
            self._folder.write_weights(step, dict(self._adapter.named_parameters()))
            best = best_of([*looks_in(self._log_path), seen])
            self._folder.forget_weights(but={step, best.step if best else step})
        return Evaluated(seen, sheet)

    def _judged(self, clips: Sequence[UInt8[np.ndarray, "f h w 3"]]) -> tuple[float | None, float | None, int | None]:
        """Motion, drift and copies of the previews."""
        if not clips:
            return None, None, None
        made, true = mean_marks([motion_marks(frames) for frames in clips]), mean_marks(self._clips_marks)
        copied = [
            self._trained.copied(frames, own=picture.name if picture.trained else None)
            for picture, frames in zip(self._pictures, clips, strict=True)
        ]
        motion = made.flow / true.flow if true.flow > SMALLEST_FLOW else None
        return motion, true.kept - made.kept, sum(name is not None for name in copied)

    def _write_previews(self, seen: Evaluation, clips: Sequence[UInt8[np.ndarray, "f h w 3"]]) -> Path:
        facts = [f"step {seen.step}", f"loss {seen.loss:.4g}"]
        facts += [f"motion {seen.motion:.2f} of the clips'"] if seen.motion is not None else []
        rows = [(picture.name, frames) for picture, frames in zip(self._pictures, clips, strict=True)]
        return self._folder.write_previews(seen.step, ", ".join(facts), rows, fps=self._base.spec.clip.fps)


def _first_windows(dataset: ClipDataset, most: int) -> Iterator[tuple[str, UInt8[np.ndarray, "f h w 3"]]]:
    """Name and first window of at most so many clips, evenly spread, as the base would make it."""
    count = min(most, len(dataset.clips))
    for place in range(count):
        clip = dataset.clips[place * len(dataset.clips) // count]
        yield clip.path.name, to_frames(next(iter(dataset.pixels(clip))))


def _marks_of(training: ClipDataset, pictures: Sequence[PreviewPicture]) -> list[MotionMarks]:
    """For each picture the marks of its true clip; of the training clips where nobody knows it."""
    typical: list[MotionMarks] = []
    if any(picture.clip is None for picture in pictures):
        typical = [mean_marks([motion_marks(frames) for _, frames in _first_windows(training, MARKED_CLIPS)])]
    return [typical[0] if picture.clip is None else motion_marks(picture.clip) for picture in pictures]
