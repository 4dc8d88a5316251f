"""Generated clips that no training sees: test pictures with the true clip of each, and clips for the classifier."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from engine.device import mixed_seed
from engine.pretraining.examples import CANVAS, FPS, FRAMES
from engine.pretraining.quality.motions import CLASSES, EVERYWHERE, SUBJECTS
from engine.pretraining.scenes.catalog import ELEMENTS, KEPT, STILL, draw_clip
from engine.pretraining.scenes.draws import Draws
from engine.video.clip_tensor import to_frames

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Bool, UInt8

    from engine.pretraining.scenes.scene import GeneratedClip

SMALLEST_THING: Final = 0.01
"""Share of the picture that a thing covers at least in frame 0, so that it can be seen."""
SMALLEST_CHANGE: Final = 0.004
"""Mean change from frame to frame that a clip has at least, in halves of the full range."""
MOST_ATTEMPTS: Final = 200
MOST_CLIPS: Final = 1000


class Stream(IntEnum):
    """First seeds of clips by what they are for.

    Pretraining draws clips with odd seeds too, from 11 on and 32 more a step: these lie beyond any training.
    """

    PICTURES = 900_000_001
    PAIRS = 910_000_001
    TRAINING = 920_000_001
    EXAMINATION = 930_000_001


@dataclass(frozen=True)
class RealClip:
    """A generated clip of one motion.

    Attributes:
        motion: what moves.
        seed: decides all of it, together with the motion and the others.
        others: names of things in the picture that could move and do not.
        frames: the clip.
        region: where the motion is in any of the frames.
    """

    motion: str
    seed: int
    others: tuple[str, ...]
    frames: UInt8[np.ndarray, "f h w 3"]
    region: Bool[np.ndarray, "h w"]

    @property
    def two_subjects(self) -> bool:
        """Whether the picture holds two things that could move."""
        return len(self.others) + (self.motion not in {*EVERYWHERE, STILL}) >= 2


def real_clip(motion: str, stream: Stream, index: int) -> RealClip:
    """Clip number `index` of a motion.

    Every other one holds two things that could move; what is to be seen is large enough to be seen.

    Args:
        motion: one of `CLASSES`.
        stream: what the clip is for.
        index: below `MOST_CLIPS`.
    """
    others = other_things(motion, Draws(mixed_seed("others", motion, stream, index)), wanted=index % 2 == 1)
    for attempt in range(MOST_ATTEMPTS):
        seed = stream + 2 * (index + MOST_CLIPS * (attempt + MOST_ATTEMPTS * CLASSES.index(motion)))
        clip = draw_clip(seed, motion, CANVAS, frames=FRAMES, fps=FPS, others=others)
        if _can_be_seen(clip, motion, others):
            break
    return RealClip(
        motion=motion,
        seed=seed,
        others=others,
        frames=to_frames(clip.frames.transpose(0, 1)),
        region=(clip.mask.amax(dim=(0, 1)) > 0).numpy(),
    )


def real_pair(first: str, second: str, index: int) -> tuple[RealClip, RealClip]:
    """Two clips that begin with one picture: in the first clip one thing moves, in the second the other.

    Their regions share no pixel: what lies in front has what both claim.
    """
    order = [*ELEMENTS, *KEPT]
    for attempt in range(MOST_ATTEMPTS):
        seed = Stream.PAIRS + 2 * (index + MOST_CLIPS * attempt)
        clips = [
            draw_clip(seed, name, CANVAS, frames=FRAMES, fps=FPS, others=(other,))
            for name, other in ((first, second), (second, first))
        ]
        one, other = ((clip.mask.amax(dim=(0, 1)) > 0).numpy() for clip in clips)
        if order.index(first) < order.index(second):
            one = one & ~other
        else:
            other = other & ~one
        if (
            _can_be_seen(clips[0], first, (second,))
            and _can_be_seen(clips[1], second, (first,))
            and min(one.mean(), other.mean()) > SMALLEST_THING
        ):
            break
    frames = [to_frames(clip.frames.transpose(0, 1)) for clip in clips]
    return (
        RealClip(first, seed, (second,), frames[0], one),
        RealClip(second, seed, (first,), frames[1], other),
    )


def other_things(motion: str, draws: Draws, *, wanted: bool) -> tuple[str, ...]:
    """Things that stand still beside a motion, so that there are two things if they are wanted and one if not.

    A motion of the whole picture goes with any thing and with none; a still picture has something that could move.
    """
    choices = [name for name in SUBJECTS if name != motion]
    count = {False: 0, True: 2 if motion in EVERYWHERE else 1}[wanted] + (motion == STILL)
    others: list[str] = []
    while len(others) < count:
        others.append(choices.pop(draws.integer(0, len(choices) - 1)))
    return tuple(others)


def _can_be_seen(clip: GeneratedClip, motion: str, others: tuple[str, ...]) -> bool:
    things = (*others, motion) if motion in clip.present else others
    if any(float(clip.present[name].mean()) < SMALLEST_THING for name in things):
        return False
    return motion == STILL or float((clip.frames[1:] - clip.frames[:-1]).abs().mean()) > SMALLEST_CHANGE
