"""Fireworks: bursts of sparks that spread, slow down, fall and fade."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from engine.pretraining.scenes.canvas import Canvas, nearest_segment
from engine.pretraining.scenes.element import Layer

if TYPE_CHECKING:
    from jaxtyping import Float

    from engine.pretraining.scenes.backgrounds import Background
    from engine.pretraining.scenes.draws import Draws

SPARKS = 40
GLOW = 0.02
"""How far a spark lights up the air, in picture heights."""


class Fireworks:
    """One to four bursts; the first is under way in the first frame."""

    motion = "fireworks"

    def __init__(self, draws: Draws, canvas: Canvas, background: Background) -> None:
        del background
        count = draws.integer(1, 4)
        self.centre = torch.tensor(
            [[draws.uniform(0.2, canvas.aspect - 0.2), draws.uniform(0.12, 0.6)] for _ in range(count)]
        )
        self.born = torch.tensor([-0.35, *(draws.uniform(-0.5, 1.0) for _ in range(count - 1))])
        self.speed = torch.tensor([draws.uniform(0.35, 0.8) for _ in range(count)])
        self.colour = torch.stack([torch.rand(3, generator=draws.generator) ** 0.5 for _ in range(count)])
        self.angle = torch.rand(count, SPARKS, generator=draws.generator) * 2 * math.pi
        self.share = 0.4 + 0.6 * torch.rand(count, SPARKS, generator=draws.generator) ** 0.5
        self.life = draws.uniform(1.2, 2.0)

    def paint(self, canvas: Canvas, seconds: Float[Tensor, "f"]) -> Layer:
        """The bursts at each time; sparks cross each other, so there is no one flow."""
        light = torch.stack([self._frame(canvas, float(time)) for time in seconds])
        alpha = light.amax(1, keepdim=True).clamp(0, 1)
        colour = (light / alpha.clamp(min=1e-3)).clamp(0, 1)
        region = (alpha > 0.02).float()
        origin = torch.zeros(len(seconds), 2, canvas.height, canvas.width)
        return Layer(colour, alpha, region, None, origin, torch.zeros_like(alpha, dtype=torch.bool))

    def _frame(self, canvas: Canvas, time: float) -> Tensor:
        light = torch.zeros(3, canvas.height, canvas.width)
        for burst in range(len(self.born)):
            age = time - float(self.born[burst])
            if not 0 < age < self.life:
                continue
            head, tail = self._sparks(burst, age), self._sparks(burst, max(age - 0.12, 0.0))
            distance = nearest_segment(canvas, tail[None], head[None], 3 * GLOW)[0]
            brightness = (1 - age / self.life) ** 0.7
            glow = canvas.coverage(distance - 0.006) + 0.35 * torch.exp(-((distance / GLOW) ** 2))
            light += brightness * glow.clamp(max=1.2) * (0.35 + 0.65 * self.colour[burst])[:, None, None]
        return light

    def _sparks(self, burst: int, age: float) -> Tensor:
        reach = self.speed[burst] * self.share[burst] * (1 - math.exp(-2.2 * age)) / 2.2
        x = self.centre[burst, 0] + reach * torch.cos(self.angle[burst])
        y = self.centre[burst, 1] + reach * torch.sin(self.angle[burst]) + 0.06 * age * age
        return torch.stack([x, y], -1)
