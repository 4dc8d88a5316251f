"""Clouds that drift and slowly change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from engine.pretraining.scenes.canvas import Canvas, sample
from engine.pretraining.scenes.elements.element import Layer
from engine.pretraining.scenes.textures import fractal

if TYPE_CHECKING:
    from jaxtyping import Float

    from engine.pretraining.scenes.backgrounds import Background
    from engine.pretraining.scenes.draws import Draws

PERIOD = 3.0


class Clouds:
    """Two sheets of cloud that drift together at slightly different speeds, inside the sky of a background."""

    motion = "clouds"

    def __init__(self, draws: Draws, canvas: Canvas, background: Background) -> None:
        side = round(canvas.height * PERIOD)
        coarsest = draws.uniform(3, 9)
        self.sheets = fractal(draws, (side, side), channels=2, persistence=draws.uniform(0.45, 0.62), coarsest=coarsest)
        self.speed = torch.tensor([draws.sign() * draws.uniform(0.12, 0.3), draws.uniform(-0.02, 0.02)])
        self.stretch = draws.uniform(1.0, 2.5)
        self.density, self.softness = draws.uniform(0.0, 0.6), draws.uniform(0.5, 1.2)
        self.light = draws.colour(0.85, 1.0) if draws.chance(0.8) else draws.colour(0.2, 0.6)
        self.shade = self.light * draws.uniform(0.55, 0.85)
        self.opacity = draws.uniform(0.75, 1.0)
        self.sky = background.sky

    def paint(self, canvas: Canvas, seconds: Float[Tensor, "f"]) -> Layer:
        """Clouds at each time; flow is the mean drift of the two sheets."""
        near = self._sheet(canvas, seconds, sheet=0, pace=1.0)
        far = self._sheet(canvas, seconds, sheet=1, pace=0.8)
        field = (near + 0.6 * far) / 1.17
        thickness = ((field + self.density) / self.softness).clamp(0, 1)
        part = ((field + 0.5) / 2).clamp(0, 1)
        colour = self.light[:, None, None] * part + self.shade[:, None, None] * (1 - part)
        region = self.sky.expand(len(seconds), -1, -1, -1)
        flow = (self.speed * 0.93)[None, :, None, None] * region
        return Layer(colour, thickness * self.opacity * region, region, flow)

    def _sheet(self, canvas: Canvas, seconds: Tensor, *, sheet: int, pace: float) -> Tensor:
        moved = seconds[:, None, None] * pace
        x = canvas.x / self.stretch - moved * self.speed[0] / self.stretch
        return sample(self.sheets[sheet : sheet + 1], x, canvas.y - moved * self.speed[1], period=PERIOD)
