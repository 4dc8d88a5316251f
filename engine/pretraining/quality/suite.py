"""All measurements of the starters that there are, each clip made once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from engine.pretraining.examples import CANVAS
from engine.pretraining.quality.clip_motion import MOMENTS
from engine.pretraining.quality.confusion import Confusion
from engine.pretraining.quality.features import CELL, CHANNELS
from engine.pretraining.quality.motions import PAIRS
from engine.pretraining.quality.pairs import CLIPS, PairTrials, try_pair
from engine.pretraining.quality.trials import MotionTrials, clips_of, try_motion
from engine.pretraining.starter_recipes import STARTERS

if TYPE_CHECKING:
    from engine.pretraining.quality.animator import Animator
    from engine.pretraining.quality.trained_classifier import TrainedClassifier
    from engine.progress import Progress


@dataclass(frozen=True)
class Findings:
    """What was measured.

    Attributes:
        motions: by motion, in the order asked for.
        pairs: those of `PAIRS` whose motions were asked for and have starters.
        missing: the others whose motions were asked for.
        real: what the classifier names in held-out real clips of every motion.
        still: what it names in a clip that stands still, for every motion.
    """

    motions: tuple[MotionTrials, ...]
    pairs: tuple[PairTrials, ...]
    missing: tuple[tuple[str, str], ...]
    real: Confusion
    still: Confusion


def pictures_of_pair(pictures: int) -> int:
    """How many pictures each pair is tried on, when each motion is on `pictures`."""
    return max(1, pictures // 3)


def measure(
    motions: tuple[str, ...], animator: Animator, trained: TrainedClassifier, *, pictures: int, progress: Progress
) -> Findings:
    """Everything that can be measured of these motions.

    Args:
        motions: some of `STARTERS`.
        animator: with the starters that there are.
        trained: the classifier.
        pictures: test pictures of each motion.
        progress: told about every clip.
    """
    asked = [pair for pair in PAIRS if set(pair) <= set(motions)]
    able = [pair for pair in asked if set(pair) <= set(animator.starters)]
    singles = sum(clips_of(motion, animator, pictures=pictures) for motion in motions)
    with progress.phase("clips", singles + CLIPS * len(able) * pictures_of_pair(pictures)) as phase:
        tried = tuple(
            try_motion(motion, animator, trained.classifier, pictures=pictures, phase=phase) for motion in motions
        )
        composed = tuple(try_pair(pair, animator, pictures=pictures_of_pair(pictures), phase=phase) for pair in able)
    still = torch.zeros(CHANNELS, len(MOMENTS), CANVAS.height // CELL, CANVAS.width // CELL)
    named = trained.classifier.name_of(still)
    return Findings(
        motions=tried,
        pairs=composed,
        missing=tuple(pair for pair in asked if pair not in able),
        real=trained.examination.among(STARTERS),
        still=Confusion.of((motion, named) for motion in STARTERS),
    )
