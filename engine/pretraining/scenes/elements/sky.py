"""Clouds that drift."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from engine.pretraining.scenes.backgrounds import upper_part
from engine.pretraining.scenes.canvas import Canvas, sample
from engine.pretraining.scenes.element import Layer
from engine.pretraining.scenes.textures import fractal

if TYPE_CHECKING:
    from jaxtyping import Float

    from engine.pretraining.scenes.backgrounds import Background
    from engine.pretraining.scenes.draws import Draws

PERIOD = 3.0


class Clouds:
    """A sheet of cloud that drifts to the right inside the sky of a background.

    One in four is a sheet of any colour in any upper part of the picture: its motion alone makes it clouds.
    """

    motion = "clouds"

    def __init__(self, draws: Draws, canvas: Canvas, background: Background) -> None:
        side = round(canvas.height * PERIOD)
        coarsest = draws.uniform(3, 9)
        sheets = fractal(draws, (side, side), channels=2, persistence=draws.uniform(0.45, 0.62), coarsest=coarsest)
        self.sheet = (sheets[:1] + 0.6 * sheets[1:]) / 1.17
        self.velocity = torch.tensor([draws.uniform(0.06, 0.14), draws.uniform(-0.01, 0.01)])
        self.stretch = draws.uniform(1.0, 2.5)
        self.density, self.softness = draws.uniform(0.0, 0.6), draws.uniform(0.5, 1.2)
        self.light = draws.colour(0.85, 1.0) if draws.chance(0.8) else draws.colour(0.2, 0.6)
        self.shade = self.light * draws.uniform(0.55, 0.85)
        self.opacity = draws.uniform(0.75, 1.0)
        self.sky, self.clear = background.sky, background.clear
        if draws.chance(0.25):
            self.sky, self.clear = upper_part(draws, canvas), False
            self.light, self.shade = draws.colour(), draws.colour()

    def paint(self, canvas: Canvas, seconds: Float[Tensor, "f"]) -> Layer:
        """Clouds at each time; before a clear sky all of it goes with them, since one place of it is as another."""
        moved = seconds[:, None, None]
        x = (canvas.x - moved * self.velocity[0]) / self.stretch
        field = sample(self.sheet, x, canvas.y - moved * self.velocity[1], period=PERIOD)
        thickness = ((field + self.density) / self.softness).clamp(0, 1)
        part = ((field + 0.5) / 2).clamp(0, 1)
        colour = self.light[:, None, None] * part + self.shade[:, None, None] * (1 - part)
        region = self.sky.expand(len(seconds), -1, -1, -1)
        alpha = thickness * self.opacity * region
        drift = self.velocity[None, :, None, None]
        origin = (-drift * (seconds - seconds[0])[:, None, None, None]).expand(-1, -1, canvas.height, canvas.width)
        return Layer(colour, alpha, region, drift * region, origin, region > 0.5 if self.clear else alpha > 0.5)
