"""Falling water, and water that ripples."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from engine.pretraining.scenes.canvas import Canvas, sample
from engine.pretraining.scenes.elements.element import Layer
from engine.pretraining.scenes.textures import fractal, ramp

if TYPE_CHECKING:
    from jaxtyping import Float

    from engine.pretraining.scenes.backgrounds import Background
    from engine.pretraining.scenes.draws import Draws

PERIOD = 2.0


class Waterfall:
    """A band of streaks that fall, faster in the middle, with spray where it lands."""

    motion = "waterfall"

    def __init__(self, draws: Draws, canvas: Canvas, background: Background) -> None:
        del background
        side = round(canvas.height * PERIOD)
        stretch = draws.uniform(2.0, 5.0)
        self.streaks = fractal(
            draws,
            (side, side),
            channels=2,
            persistence=draws.uniform(0.6, 0.85),
            coarsest=draws.uniform(6, 14),
            stretch=stretch,
        )
        self.spray = fractal(draws, (side, side), persistence=0.8, coarsest=10)
        self.speed = draws.uniform(0.3, 0.65)
        self.centre, self.width = draws.uniform(0.15, canvas.aspect - 0.15), draws.uniform(0.1, 0.5)
        self.top = draws.uniform(-0.1, 0.45)
        self.bottom = draws.uniform(self.top + 0.35, 1.15)
        self.widening, self.lean = draws.uniform(0.0, 0.25), draws.uniform(-0.15, 0.15)
        self.edge = fractal(draws, (canvas.height, 64), persistence=0.6, coarsest=2)[0, :, :2] * draws.uniform(
            0.0, 0.05
        )
        dark, light = draws.colour(0.25, 0.6), draws.colour(0.75, 1.0)
        self.colours = torch.stack([dark, (dark + light) / 2, light, light])
        self.opacity = draws.uniform(0.75, 1.0)

    def paint(self, canvas: Canvas, seconds: Float[Tensor, "f"]) -> Layer:
        """The falling water at each time; flow points down, and outwards where the fall widens."""
        moved = seconds[:, None, None] * self.speed
        down = (canvas.y - self.top).clamp(min=0)
        half = self.width / 2 + self.widening * down
        across = (canvas.x - self.centre - self.lean * down) / half
        fine = sample(self.streaks[:1], across * 0.5 + 1 + 0 * moved, canvas.y - moved, period=PERIOD)
        coarse = sample(self.streaks[1:], across * 0.5 + 0.6 + 0 * moved, canvas.y * 0.7 - moved * 0.7, period=PERIOD)
        colour = torch.stack([ramp(field, self.colours) for field in (0.75 * fine + 0.5 * coarse)])
        region = self._region(canvas, across, half)
        landing = ((canvas.y - self.bottom + 0.12) / 0.12).clamp(0, 1) * float(self.bottom < 1)
        mist = sample(self.spray, canvas.x + moved * 0.1, canvas.y + moved * 0.6, period=PERIOD)
        colour = colour + landing * (0.25 + 0.25 * mist)
        every = region.expand(len(seconds), 1, -1, -1)
        flow = torch.stack([self.speed * (self.lean + self.widening * across), torch.full_like(across, self.speed)])
        return Layer(colour.clamp(0, 1), every * self.opacity, every, flow * every)

    def _region(self, canvas: Canvas, across: Tensor, half: Tensor) -> Tensor:
        sides = (across.abs() - 1) * half + self.edge[:, 0, None]
        ends = torch.maximum(self.top - canvas.y, canvas.y - self.bottom)
        return canvas.coverage(torch.maximum(sides, ends))[None, None]


class Ripples:
    """A stretch of water whose surface moves in small waves, the picture in it wobbling."""

    motion = "ripples"

    def __init__(self, draws: Draws, canvas: Canvas, background: Background) -> None:
        side = round(canvas.height * PERIOD)
        colours = torch.stack([draws.colour(0.1, 0.5), draws.colour(0.3, 0.7), draws.colour(0.6, 0.95)])
        field = fractal(draws, (side, side), persistence=0.6, coarsest=draws.uniform(4, 10), stretch=0.3)
        self.surface = ramp(field, colours)
        self.level = draws.uniform(0.45, 0.8)
        self.waves = draws.uniform(5, 14)
        self.depth = draws.uniform(0.012, 0.03)
        self.pace = draws.uniform(0.5, 1.2)
        self.drift = draws.uniform(-0.12, 0.12)
        self.direction = draws.uniform(-0.6, 0.6)
        self.opacity = draws.uniform(0.6, 1.0)

    def paint(self, canvas: Canvas, seconds: Float[Tensor, "f"]) -> Layer:
        """The surface at each time."""
        time = seconds[:, None, None]
        phase = (
            2 * math.pi * (self.waves * (canvas.y + self.direction * canvas.x) / (0.5 + canvas.y) - self.pace * time)
        )
        x = canvas.x + self.depth * torch.sin(phase) - self.drift * time
        y = canvas.y + 0.5 * self.depth * torch.cos(phase)
        colour = sample(self.surface, x, y, period=PERIOD)
        colour = (colour * (1 + 0.18 * torch.sin(phase)[:, None])).clamp(0, 1)
        region = canvas.coverage(self.level - canvas.y)[None, None].expand(len(seconds), -1, -1, -1)
        speed = 2 * math.pi * self.pace * self.depth
        flow = torch.stack([speed * torch.cos(phase) + self.drift, -0.5 * speed * torch.sin(phase)], 1)
        return Layer(colour, region * self.opacity, region, flow * region)
