"""Rain over everything, and smoke or fire that rises."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from engine.pretraining.scenes.canvas import Canvas, sample, segment_distance
from engine.pretraining.scenes.elements.element import Layer
from engine.pretraining.scenes.textures import fractal

if TYPE_CHECKING:
    from jaxtyping import Float

    from engine.pretraining.scenes.backgrounds import Background
    from engine.pretraining.scenes.draws import Draws


class Rain:
    """Streaks that fall in one direction at two depths, each living for a moment."""

    motion = "raining"

    def __init__(self, draws: Draws, canvas: Canvas, background: Background) -> None:
        del background
        count = draws.integer(50, 130)
        self.place = torch.rand(count, 2, generator=draws.generator) * torch.tensor([canvas.aspect + 0.6, 1.3])
        self.pace = draws.uniform(0.9, 1.6) * (0.8 + 0.4 * torch.rand(count, generator=draws.generator))
        self.lean = draws.uniform(-0.25, 0.25)
        self.length = draws.uniform(0.03, 0.09)
        self.thickness = draws.uniform(0.002, 0.005)
        self.colour = draws.colour(0.75, 1.0)
        self.opacity = draws.uniform(0.35, 0.75)

    def paint(self, canvas: Canvas, seconds: Float[Tensor, "f"]) -> Layer:
        """The rain at each time; drops that leave below come back above, so there is no one flow."""
        fall = seconds[:, None] * self.pace
        y = torch.remainder(self.place[:, 1] + fall, 1.3) - 0.15
        x = torch.remainder(self.place[:, 0] + self.lean * fall, canvas.aspect + 0.6) - 0.3
        head = torch.stack([x, y], -1)
        tail = head - self.length * torch.tensor([self.lean, 1.0])
        alpha = torch.stack([self._drops(canvas, h, t) for h, t in zip(head, tail, strict=True)])
        colour = self.colour[None, :, None, None].expand(len(seconds), 3, canvas.height, canvas.width)
        return Layer(colour, alpha * self.opacity, torch.ones_like(alpha), None)

    def _drops(self, canvas: Canvas, head: Tensor, tail: Tensor) -> Tensor:
        distance = segment_distance(canvas, tail, head)[0].amin(0)
        return canvas.coverage(distance - self.thickness)[None]


class Smoke:
    """A column of smoke, steam or flames that rises and spreads."""

    motion = "smoke"

    def __init__(self, draws: Draws, canvas: Canvas, background: Background) -> None:
        del background
        side = canvas.height * 2
        self.field = fractal(draws, (side, side), channels=2, persistence=0.6, coarsest=draws.uniform(6, 12))
        self.centre, self.foot = draws.uniform(0.2, canvas.aspect - 0.2), draws.uniform(0.55, 1.05)
        self.width, self.spread = draws.uniform(0.05, 0.15), draws.uniform(0.1, 0.4)
        self.height = draws.uniform(0.35, 0.8)
        self.speed = draws.uniform(0.2, 0.5)
        fiery = draws.chance(0.4)
        self.low = torch.tensor([1.0, 0.85, 0.3]) if fiery else draws.colour(0.4, 0.9)
        self.high = torch.tensor([0.8, 0.15, 0.05]) if fiery else self.low * 0.8

    def paint(self, canvas: Canvas, seconds: Float[Tensor, "f"]) -> Layer:
        """The column at each time; flow points up inside it."""
        moved = seconds[:, None, None] * self.speed
        up = (self.foot - canvas.y) / self.height
        swing = 0.08 * up.clamp(min=0) * torch.sin(2 * math.pi * (0.8 * up - 1.2 * moved))
        across = (canvas.x - self.centre + swing) / (self.width + self.spread * up.clamp(0, 1))
        puffs = sample(self.field[:1], across * 0.5 + 1, canvas.y + moved, period=2.0)
        column = (1 - across.abs()).clamp(0, 1) * (up * 8).clamp(0, 1) * (1 - up).clamp(0, 1) ** 0.5
        alpha = (column[:, None] * (1.1 + 0.8 * puffs)).clamp(0, 1)
        part = up.clamp(0, 1)
        colour = self.low[:, None, None] * (1 - part) + self.high[:, None, None] * part
        region = (column[:, None] > 0.02).float()
        flow = torch.zeros(len(seconds), 2, canvas.height, canvas.width)
        flow[:, 1] = -self.speed * region[:, 0]
        return Layer(colour[None].expand(len(seconds), -1, -1, -1), alpha, region, flow)
