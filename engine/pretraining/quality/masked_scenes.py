"""Held-out scenes of the motions with masked builds: one or two other things that could move stand beside each."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine.pretraining.examples import CANVAS, FPS
from engine.pretraining.scenes.catalog import draw_clip
from engine.pretraining.starter_clips import still_things
from engine.video.clip_tensor import to_frames

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from jaxtyping import Bool, Float, UInt8
    from torch import Tensor

MOTIONS: Final = ("birds-flying", "fireworks", "horse-running")
FIRST_SEED: Final = 900_001
SUBJECT: Final = 0.5
LEAST_SHARE: Final = 0.02
"""Of the picture, that the subject takes in frame 0."""


@dataclass(frozen=True)
class MaskedScene:
    """A true clip and where its subject is.

    Attributes:
        seed: of the scene, and of the noise of clips made from it.
        frames: the clip.
        masks: 1 where the subject is, in each frame.
        things: names of all that is in the picture.
    """

    seed: int
    frames: UInt8[np.ndarray, "f h w 3"]
    masks: Float[Tensor, "f h w"]
    things: frozenset[str]

    @property
    def region(self) -> Bool[np.ndarray, "h w"]:
        """Where the subject is in any frame."""
        region: Bool[np.ndarray, "h w"] = (self.masks.amax(dim=0) > 0).numpy()
        return region


def masked_scenes(motion: str, count: int, *, frames: int) -> Iterator[MaskedScene]:
    """Scenes of one motion, the subject at least `LEAST_SHARE` of the picture."""
    found = 0
    for seed in itertools.count(FIRST_SEED, 2):
        others = still_things(seed, 1 + found % 2, without=motion)
        clip = draw_clip(seed, motion, CANVAS, frames=frames, fps=FPS, others=others)
        masks = clip.mask[:, 0]
        if float((masks[0] > SUBJECT).float().mean()) >= LEAST_SHARE:
            found += 1
            yield MaskedScene(seed, to_frames(clip.frames.transpose(0, 1)), masks, frozenset((motion, *others)))
        if found == count:
            return
