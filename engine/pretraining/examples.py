"""What `nano` is shown in pretraining: random clips, the motions that they are named by, and where things are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from engine.pretraining.scenes.canvas import Canvas
from engine.pretraining.scenes.catalog import CAMERAS, ELEMENTS, STILL, draw_clip, draw_scene, seconds_of
from engine.pretraining.scenes.draws import Draws

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from engine.pretraining.scenes.scene import GeneratedClip

CANVAS = Canvas(80, 128)
FRAMES, FPS = 16, 8.0
ABSENT = ("camera-zoom-out",)
"""Kept out of pretraining, so that an adapter for it shows what few clips can teach."""
SHARES = {
    STILL: 0.4,
    "clouds": 0.7,
    "waterfall": 0.7,
    "ripples": 0.4,
    "smoke": 0.4,
    "swaying": 0.4,
    "breathing": 0.3,
    "turning": 0.3,
    "sliding": 0.4,
    "horse-running": 1.5,
    "guitar-playing": 2.0,
    "turning-to-smile": 1.0,
    "fireworks": 1.5,
    "birds-flying": 2.0,
    "raining": 2.0,
    **{name: 0.06 for name in CAMERAS if name not in ABSENT},
}
"""How often each motion is shown, relative to each other: what chance decides more often, what a photo shows less."""
MOTIONS = tuple(SHARES)
CONDITIONS = (*MOTIONS, "mirrored", "null")
"""Rows of the condition table: motions, what is added to one that heads left instead of right, and nothing known."""
UNNAMED, STILL_WHEN_UNNAMED = 0.15, 0.7
"""Shares of clips whose motion is not named, and of those of them in which nothing moves, where something could."""
LABELLED = tuple(name for name in ELEMENTS if name != "raining")
"""Things that are somewhere in a picture; rain is everywhere."""


@dataclass(frozen=True)
class Example:
    """A clip to learn from.

    Args:
        frames: pixels in [-1, 1].
        origin: where each pixel came from in frame 0, in pixels relative to it.
        weights: of the rows of `CONDITIONS`.
    """

    frames: Float[Tensor, "3 f h w"]
    origin: Float[Tensor, "2 f h w"]
    weights: Float[Tensor, "m"]


def draw_example(seed: int, shown: tuple[int, ...] = tuple(range(FRAMES))) -> Example:
    """A random clip and the condition that names what moves in it.

    One in three shows two motions at once, named in unequal parts, so that two adapters find both; most also hold
    things that could move but do not; half are mirrored; one in twenty shows the white mask of what moves in place of
    the picture; one in six names a motion of something that is not there, and stands still. One in seven names nothing,
    and mostly nothing moves in it: without an adapter a photo stays as it is.

    Args:
        seed: decides everything.
        shown: frames of the clip, 0 first.
    """
    draws = Draws(seed)
    others = tuple({draws.choice(tuple(ELEMENTS)) for _ in range(draws.integer(0, 2))})
    motion = draws.weighted(SHARES)
    seconds = seconds_of(FRAMES, FPS)[list(shown)]
    rest = tuple(other for other in others if other != motion)
    unnamed = draws.chance(UNNAMED)
    named: tuple[str, ...] = (motion,)
    share = 1.0
    if unnamed and motion in ELEMENTS and draws.chance(STILL_WHEN_UNNAMED):
        clip = draw_scene(draws, CANVAS, (motion, *rest)).clip((), seconds)
    elif motion in ELEMENTS and motion != "raining" and draws.chance(1 / 6):
        clip = draw_scene(draws, CANVAS, rest).clip((), seconds)
    elif motion in ELEMENTS and draws.chance(2 / 5):
        named = tuple(dict.fromkeys((motion, draws.choice(tuple(ELEMENTS)))))
        share = draws.uniform(0.3, 0.7)
        clip = draw_scene(draws, CANVAS, (*named, *others)).clip(named, seconds)
    else:
        clip = draw_clip(seed + 1, motion, CANVAS, frames=FRAMES, fps=FPS, others=rest, shown=shown)
    frames = (clip.mask * 2 - 1).expand_as(clip.frames) if draws.chance(0.05) else clip.frames
    pictures, origin = frames.transpose(0, 1), clip.origin.transpose(0, 1)
    mirrored = draws.chance(0.5) and motion not in CAMERAS
    if mirrored:
        pictures = pictures.flip(-1)
        origin = origin.flip(-1) * torch.tensor([-1.0, 1.0])[:, None, None, None]
    weights = condition_weights(() if unnamed else named, share, mirrored=mirrored)
    return Example(pictures, origin, weights)


def labels_of(clip: GeneratedClip) -> Float[Tensor, "n h w"]:
    """Where in frame 0 each of `LABELLED` is, moving or not."""
    nowhere = torch.zeros(clip.frames.shape[-2:])
    return torch.stack([clip.present.get(name, nowhere) for name in LABELLED])


def condition_weights(named: tuple[str, ...], share: float = 0.5, *, mirrored: bool = False) -> Float[Tensor, "m"]:
    """Parts of the motions' rows, plus the row of mirrored ones; all of the null row where none is named.

    Args:
        named: motions, two at most.
        share: of the first, where there are two.
        mirrored: they head left.
    """
    weights = torch.zeros(len(CONDITIONS))
    for name, part in zip(named, (share, 1 - share) if len(named) > 1 else (1.0,), strict=False):
        weights[CONDITIONS.index(name)] = part
    weights[CONDITIONS.index("mirrored")] = float(mirrored and bool(named))
    weights[CONDITIONS.index("null")] = float(not named)
    return weights
