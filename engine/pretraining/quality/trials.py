"""Test pictures of one motion, animated by its starter and by the base alone, and what is measured of each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from engine.pretraining.quality.background import background_psnr
from engine.pretraining.quality.clip_motion import motion_of
from engine.pretraining.quality.confusion import Confusion
from engine.pretraining.quality.features import features_of
from engine.pretraining.quality.motions import SUBJECTS
from engine.pretraining.quality.real_clips import RealClip, Stream, real_clip
from engine.pretraining.quality.strength import strength

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import UInt8

    from engine.pretraining.quality.animator import Animator
    from engine.pretraining.quality.classifier import MotionClassifier
    from engine.progress import Phase


@dataclass(frozen=True)
class Trial:
    """One test picture animated by the starter of its motion.

    Attributes:
        real: the true clip of the picture.
        frames: as they were made.
        named: the motion that the classifier finds in them.
        strength: of the motion, as a ratio to the true clip.
        background: PSNR in dB of what should stand still; None where there is nothing such.
    """

    real: RealClip
    frames: UInt8[np.ndarray, "f h w 3"]
    named: str
    strength: float
    background: float | None


@dataclass(frozen=True)
class MotionTrials:
    """All test pictures of a motion.

    Attributes:
        motion: its name.
        trials: with its starter; None where there is none.
        real: what the classifier names in the true clips.
        alone: what it names in clips of the base without a starter, for the first half of the pictures.
    """

    motion: str
    trials: tuple[Trial, ...] | None
    real: Confusion
    alone: Confusion

    @cached_property
    def named(self) -> Confusion:
        """What the classifier names in the starter's clips."""
        return self._confusion(two_subjects=False)

    @cached_property
    def named_of_two(self) -> Confusion:
        """The same for pictures that hold two things that could move."""
        return self._confusion(two_subjects=True)

    def _confusion(self, *, two_subjects: bool) -> Confusion:
        counted = [trial for trial in self.trials or () if trial.real.two_subjects or not two_subjects]
        return Confusion.of((self.motion, trial.named) for trial in counted)


def clips_of(motion: str, animator: Animator, *, pictures: int) -> int:
    """How many clips `try_motion` makes."""
    return pictures * (motion in animator.starters) + alone_of(pictures)


def alone_of(pictures: int) -> int:
    """On how many of the pictures the base is tried alone; half of them hold two things, as of all."""
    return (pictures + 1) // 2


def try_motion(
    motion: str, animator: Animator, classifier: MotionClassifier, *, pictures: int, phase: Phase
) -> MotionTrials:
    """Animate and measure.

    Args:
        motion: one of `STARTERS`.
        animator: with the motion's starter or without.
        classifier: fitted.
        pictures: how many.
        phase: told about every clip.
    """
    trials, real_names, alone_names = [], [], []
    for index in range(pictures):
        real = real_clip(motion, Stream.PICTURES, index)
        real_motion = motion_of(real.frames)
        real_names.append(classifier.name_of(features_of(real_motion)))
        if index < alone_of(pictures):
            frames = animator.animate(real.frames[0], {}, seed=real.seed)
            alone_names.append(classifier.name_of(features_of(motion_of(frames))))
            phase.advance()
        if motion in animator.starters:
            frames = animator.animate(real.frames[0], {motion: animator.lone_weight}, seed=real.seed)
            made_motion = motion_of(frames)
            trials.append(
                Trial(
                    real=real,
                    frames=frames,
                    named=classifier.name_of(features_of(made_motion)),
                    strength=strength(made_motion, real_motion, real),
                    background=background_psnr(frames, real.frames[0], real.region) if motion in SUBJECTS else None,
                )
            )
            phase.advance()
    return MotionTrials(
        motion=motion,
        trials=tuple(trials) if motion in animator.starters else None,
        real=Confusion.of((motion, named) for named in real_names),
        alone=Confusion.of((motion, named) for named in alone_names),
    )
