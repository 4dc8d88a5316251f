"""Motions by name, and random scenes and clips of them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from engine.pretraining.scenes.backgrounds import Background, draw_background
from engine.pretraining.scenes.canvas import Canvas
from engine.pretraining.scenes.draws import Draws
from engine.pretraining.scenes.elements.birds import Birds
from engine.pretraining.scenes.elements.fireworks import Fireworks
from engine.pretraining.scenes.elements.guitarist import Guitarist
from engine.pretraining.scenes.elements.helicopter import Helicopter
from engine.pretraining.scenes.elements.objects import Breathing, Sliding, Swaying, Turning
from engine.pretraining.scenes.elements.pendulum import Pendulum
from engine.pretraining.scenes.elements.plant import Plant
from engine.pretraining.scenes.elements.portrait import Portrait
from engine.pretraining.scenes.elements.sky import Clouds
from engine.pretraining.scenes.elements.walker import Runner
from engine.pretraining.scenes.elements.water import Ripples, Waterfall
from engine.pretraining.scenes.elements.weather import Rain, Smoke
from engine.pretraining.scenes.elements.wheel import Wheel
from engine.pretraining.scenes.scene import GeneratedClip, Scene, filmed

if TYPE_CHECKING:
    from collections.abc import Callable

    from jaxtyping import Float

    from engine.pretraining.scenes.element import Element

ELEMENTS: Final[dict[str, Callable[[Draws, Canvas, Background], Element]]] = {
    "clouds": Clouds,
    "waterfall": Waterfall,
    "ripples": Ripples,
    "smoke": Smoke,
    "swaying": Swaying,
    "breathing": Breathing,
    "turning": Turning,
    "sliding": Sliding,
    "horse-running": Runner,
    "guitar-playing": Guitarist,
    "turning-to-smile": Portrait,
    "fireworks": Fireworks,
    "birds-flying": Birds,
    "raining": Rain,
}
"""Back to front: what is painted later covers what was painted before."""

KEPT: Final[dict[str, Callable[[Draws, Canvas, Background], Element]]] = {
    "plant-growing": Plant,
    "wheel-spinning": Wheel,
    "pendulum-swinging": Pendulum,
    "helicopter-hovering": Helicopter,
}
"""Kept out of pretraining, so that an adapter for one of them shows what few clips can teach; in front of all
`ELEMENTS`."""

CAMERAS: Final = (
    "camera-pan-right",
    "camera-pan-left",
    "camera-pan-up",
    "camera-pan-down",
    "camera-zoom-in",
    "camera-zoom-out",
    "camera-roll",
)
STILL: Final = "still"
MARGIN: Final = 1.5
PAN: Final = (0.9 / 80, 1.6 / 80)
"""Slowest and fastest pan, in picture heights a frame."""


def seconds_of(frames: int, fps: float) -> Float[Tensor, "f"]:
    """When each frame is seen."""
    return torch.arange(frames) / fps


def draw_scene(
    draws: Draws,
    canvas: Canvas,
    names: tuple[str, ...],
    *,
    behind: Callable[[Draws, Canvas], Background] = draw_background,
) -> Scene:
    """A random background, drawn by `behind`, with one random thing of each name in front of it."""
    background = _darkened(behind(draws, canvas), names)
    known = {**ELEMENTS, **KEPT}
    elements = tuple(known[name](draws, canvas, background) for name in known if name in names)
    return Scene(canvas, background, elements)


def _darkened(background: Background, names: tuple[str, ...]) -> Background:
    """Fireworks are seen at night."""
    return replace(background, picture=background.picture * 0.3) if "fireworks" in names else background


def draw_large_picture(draws: Draws, canvas: Canvas, names: tuple[str, ...]) -> GeneratedClip:
    """A random picture `MARGIN` times as large as `canvas`, one frame: what `filmed` moves over."""
    large = Canvas(math.ceil(canvas.height * MARGIN / 2) * 2, math.ceil(canvas.width * MARGIN / 2) * 2)
    return draw_scene(draws, large, names).clip((), torch.zeros(1))


def camera_path(draws: Draws, motion: str, canvas: Canvas, frames: int) -> Float[Tensor, "f 4"]:
    """A steady move of the named kind over a picture `MARGIN` times as large as the clip: what `filmed` takes.

    A pan has a speed for each frame, as far as there is room; a zoom and a roll have an extent for the clip.

    Source: MIVA, appendix D.2 (crop and translate, crop and resize); speeds are ours.
    """
    time = torch.linspace(0, 1, frames)
    share, room = 1 / MARGIN, 1 - 1 / MARGIN
    path = torch.zeros(frames, 4)
    path[:, 2] = share
    kind = motion.removeprefix("camera-")
    if kind.startswith("pan"):
        axis = 0 if kind.endswith(("left", "right")) else 1
        direction = 1 if kind.endswith(("right", "down")) else -1
        heights = min(draws.uniform(*PAN) * (frames - 1), MARGIN - 1)
        travel = heights * 2 * share / (canvas.aspect if axis == 0 else 1)
        path[:, axis] = direction * travel * (time - 0.5)
        path[:, 1 - axis] = draws.uniform(-1, 1) * room
    elif kind.startswith("zoom"):
        ratio = draws.uniform(0.72, 0.88)
        factor = ratio**time if kind == "zoom-in" else ratio ** (1 - time)
        path[:, 2] = share * factor * draws.uniform(1.0, 1.3)
        path[:, :2] = torch.tensor([draws.uniform(-1, 1), draws.uniform(-1, 1)]) * room * 0.4
    else:
        path[:, 3] = draws.sign() * draws.uniform(0.1, 0.25) * time
        path[:, 2] = share * 0.9
    return path


def draw_clip(  # noqa: PLR0913 - one parameter for each choice
    seed: int,
    motion: str,
    canvas: Canvas,
    *,
    frames: int = 16,
    fps: float = 8.0,
    others: tuple[str, ...] = (),
    shown: tuple[int, ...] | None = None,
) -> GeneratedClip:
    """A random clip of one motion.

    Args:
        seed: decides everything.
        motion: a key of `ELEMENTS` or `KEPT`, one of `CAMERAS`, or `still`.
        canvas: size of the clip in pixels.
        frames: how many.
        fps: frames per second.
        others: names of further things in the picture that stand still.
        shown: which of the frames are drawn; None for all of them.
    """
    places = list(range(frames) if shown is None else shown)
    draws = Draws(seed)
    if motion in CAMERAS:
        still = draw_large_picture(draws, canvas, others)
        return filmed(still, camera_path(draws, motion, canvas, frames)[places], canvas, motion)
    wanted = others if motion == STILL else (motion, *others)
    return draw_scene(draws, canvas, wanted).clip((motion,), seconds_of(frames, fps)[places])
