"""Still textures: fractal noise, colour ramps, patterns with edges."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

if TYPE_CHECKING:
    from jaxtyping import Float

    from engine.pretraining.scenes.canvas import Canvas
    from engine.pretraining.scenes.draws import Draws


def fractal(
    draws: Draws,
    size: tuple[int, int],
    *,
    channels: int = 1,
    persistence: float = 0.55,
    coarsest: float = 2.0,
    stretch: float = 1.0,
) -> Float[Tensor, "c h w"]:
    """Noise with detail at every scale, of deviation near 1.

    Args:
        draws: where the numbers come from.
        size: height and width of the result, in pixels.
        channels: independent fields.
        persistence: how much weaker each octave is than the coarser one before it.
        coarsest: waves across the height in the coarsest octave.
        stretch: above 1 the noise is drawn out vertically (streaks), below 1 horizontally.
    """
    height, width = size
    total = torch.zeros(channels, height, width)
    amplitude, waves, power = 1.0, coarsest, 0.0
    while waves < height / 1.5:
        rows = max(2, round(waves / stretch) + 1)
        columns = max(2, round(waves * width / height * min(stretch, 4.0) ** 0.5) + 1)
        grid = draws.normal(1, channels, rows, columns)
        total += amplitude * F.interpolate(grid, (height, width), mode="bicubic", align_corners=True)[0]
        power += amplitude**2
        amplitude, waves = amplitude * persistence, waves * 2
    return total / math.sqrt(power) * 1.3


def ramp(field: Float[Tensor, "1 h w"], colours: Float[Tensor, "n 3"]) -> Float[Tensor, "3 h w"]:
    """Colours of a field: its values from -1.5 to 1.5 run through the given colours."""
    position = ((field[0] + 1.5) / 3).clamp(0, 1) * (len(colours) - 1)
    lower = position.floor().clamp(max=len(colours) - 2).long()
    part = (position - lower)[None]
    table = colours.T
    return table[:, lower] * (1 - part) + table[:, lower + 1] * part


def textured(draws: Draws, canvas: Canvas, *, low: float = 0.05, high: float = 0.95) -> Float[Tensor, "3 h w"]:
    """A surface: two to four related colours over fractal noise, smooth or rough, sometimes striped."""
    base = draws.colour(low, high)
    spread = draws.uniform(0.03, 0.35)
    shades = [base + spread * (draws.normal(1) + 0.35 * draws.normal(3)) for _ in range(draws.integer(2, 4))]
    colours = torch.stack(shades).clamp(0, 1)
    field = fractal(
        draws,
        (canvas.height, canvas.width),
        persistence=draws.uniform(0.35, 0.8),
        coarsest=draws.uniform(1.5, 8),
        stretch=draws.choice([0.3, 0.6, 1.0, 1.0, 1.0, 2.0]),
    )
    if draws.chance(0.2):
        angle, waves = draws.uniform(0, math.pi), draws.uniform(4, 30)
        along = canvas.x * math.cos(angle) + canvas.y * math.sin(angle)
        field = field * 0.5 + torch.sin(2 * math.pi * waves * along + field * draws.uniform(0, 1.5))
    return ramp(field, colours)
