"""The sample picture of `mivactl demo`: a valley with clouds and a waterfall, drawn with the elements of the scenes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import torch
from PIL import Image

from engine.pretraining.scenes.backgrounds import Background
from engine.pretraining.scenes.canvas import Canvas
from engine.pretraining.scenes.draws import Draws
from engine.pretraining.scenes.elements.sky import Clouds
from engine.pretraining.scenes.elements.water import Waterfall
from engine.pretraining.scenes.scene import Scene
from engine.pretraining.scenes.textures import fractal, ramp

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from jaxtyping import Float
    from numpy.typing import NDArray
    from torch import Tensor

SIZE: Final = (1280, 800)
SEED: Final = 9

Colours: TypeAlias = tuple[tuple[float, float, float], ...]

_SKY = ((0.26, 0.48, 0.80), (0.66, 0.80, 0.93))
_FAR = ((0.38, 0.48, 0.62), (0.52, 0.61, 0.72), (0.68, 0.75, 0.82))
_ROCK = ((0.20, 0.19, 0.18), (0.38, 0.35, 0.31), (0.52, 0.48, 0.42), (0.36, 0.42, 0.25))
_WOOD = ((0.05, 0.12, 0.06), (0.12, 0.24, 0.10), (0.24, 0.36, 0.14))
_WATER = ((0.42, 0.55, 0.62), (0.70, 0.80, 0.85), (0.95, 0.97, 0.98), (0.98, 0.99, 1.0))


@dataclass(frozen=True)
class Land:
    """Textured land below a wandering line: where it begins (0 top, 1 bottom), how rough it is, its colours."""

    level: float
    roughness: float
    colours: Colours
    stretch: float = 1.0


_MOUNTAINS = Land(0.36, 0.05, _FAR)
_CLIFF = Land(0.46, 0.015, _ROCK, stretch=2.0)
_FOREST = Land(0.86, 0.035, _WOOD)


def sample_picture(size: tuple[int, int] = SIZE) -> NDArray[np.uint8]:
    """The picture, `h w 3`; the same on every machine but for rounding."""
    canvas = Canvas(size[1], size[0])
    draws = Draws(SEED)
    scene = Scene(canvas, _valley(draws, canvas), ())
    clouds, fall = _clouds(draws, canvas, scene.background), _waterfall(draws, canvas, scene.background)
    still = Scene(canvas, scene.background, (clouds, fall)).clip((), torch.zeros(1)).frames[0] / 2 + 0.5
    picture = _with_land(still, _FOREST, draws, canvas)
    levels = (picture.permute(1, 2, 0) * 255).round().clamp(0, 255)
    return levels.to(torch.uint8).contiguous().numpy()


def write_sample_picture(path: Path) -> None:
    """Write the picture as PNG."""
    Image.fromarray(sample_picture()).save(path, format="PNG")


def _valley(draws: Draws, canvas: Canvas) -> Background:
    top, bottom = (torch.tensor(colour)[:, None, None] for colour in _SKY)
    part = (canvas.y[None] / 0.5).clamp(0, 1)
    picture = top * (1 - part) + bottom * part
    far = _with_land(picture, _MOUNTAINS, draws, canvas)
    sky = ((far - picture).abs().amax(dim=0, keepdim=True) < 1e-3).float()
    cliff = _with_land(far, _CLIFF, draws, canvas)
    return Background(cliff, sky)


def _with_land(picture: Float[Tensor, "3 h w"], land: Land, draws: Draws, canvas: Canvas) -> Float[Tensor, "3 h w"]:
    line = fractal(draws, (64, canvas.width), persistence=0.5, coarsest=1.5)[0, 0]
    inside = canvas.coverage(land.level + land.roughness * line[None, :] - canvas.y)[None]
    field = fractal(draws, (canvas.height, canvas.width), persistence=0.7, coarsest=5, stretch=land.stretch)
    light = 1 - 0.35 * ((canvas.y[None] - land.level) / 0.5).clamp(0, 1)
    return picture * (1 - inside) + ramp(field, torch.tensor(land.colours)) * light * inside


def _clouds(draws: Draws, canvas: Canvas, background: Background) -> Clouds:
    clouds = Clouds(draws, canvas, background)
    clouds.sky, clouds.clear = background.sky, True
    clouds.light, clouds.shade = torch.tensor([0.99, 0.99, 0.98]), torch.tensor([0.74, 0.78, 0.85])
    clouds.density, clouds.softness, clouds.opacity, clouds.stretch = 0.25, 0.9, 0.95, 2.0
    return clouds


def _waterfall(draws: Draws, canvas: Canvas, background: Background) -> Waterfall:
    fall = Waterfall(draws, canvas, background)
    fall.centre, fall.width, fall.top, fall.bottom = 0.62 * canvas.aspect, 0.26, 0.455, 0.95
    fall.widening, fall.lean, fall.opacity = 0.12, 0.0, 0.95
    side = 2 * canvas.height
    streaks = fractal(draws, (side, side), persistence=0.7, coarsest=16, stretch=1.6)
    fall.shape, fall.bulge, fall.surface = None, 0.008, ramp(streaks, torch.tensor(_WATER))
    return fall
