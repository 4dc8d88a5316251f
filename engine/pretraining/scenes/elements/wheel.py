"""A wheel that spins in its place."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from engine.pretraining.scenes.element import STEP, Layer

if TYPE_CHECKING:
    from jaxtyping import Float

    from engine.pretraining.scenes.backgrounds import Background
    from engine.pretraining.scenes.canvas import Canvas
    from engine.pretraining.scenes.draws import Draws


class Wheel:
    """Tyre, rim, spokes and hub; turns clockwise, as wheels do that roll to the right."""

    motion = "wheel-spinning"

    def __init__(self, draws: Draws, canvas: Canvas, background: Background) -> None:
        del background
        self.radius = draws.uniform(0.14, 0.44)
        low, high = min(self.radius, 0.5), max(1 - self.radius, 0.5)
        self.centre = torch.tensor([draws.uniform(self.radius, canvas.aspect - self.radius), draws.uniform(low, high)])
        self.turn = draws.uniform(0.14, 0.26) / self.radius
        self.angle = draws.uniform(0, 2 * math.pi)
        self.spokes = draws.integer(3, 8)
        self.tyre, self.rim = draws.uniform(0.1, 0.2) * self.radius, draws.uniform(0.05, 0.1) * self.radius
        self.spoke, self.hub = draws.uniform(0.025, 0.07) * self.radius, draws.uniform(0.1, 0.2) * self.radius
        self.rubber, self.metal = draws.colour(0.02, 0.25), draws.colour(0.35, 0.95)
        self.mark = torch.rand(3, generator=draws.generator)
        if draws.chance(0.4):
            self.rubber = (torch.tensor([0.45, 0.28, 0.14]) * draws.uniform(0.6, 1.3)).clamp(0, 1)
            self.metal = (self.rubber * draws.uniform(0.7, 1.6)).clamp(0, 1)

    def paint(self, canvas: Canvas, seconds: Float[Tensor, "f"]) -> Layer:
        """The wheel at each time; between the spokes the picture behind it is seen."""
        angle = self.angle + self.turn * seconds[:, None, None]
        x, y = canvas.x - self.centre[0], canvas.y - self.centre[1]
        u, v = _turned(x, y, -angle)
        alpha, colour = self._look(canvas, u, v)
        here = torch.stack([x, y])
        first = torch.stack(_turned(u, v, angle[:1]), 1)
        later = torch.stack(_turned(u, v, angle + self.turn * STEP), 1)
        return Layer(colour, alpha, alpha, (later - here) / STEP, first - here, alpha > 0.05)

    def _look(self, canvas: Canvas, u: Float[Tensor, "f h w"], v: Float[Tensor, "f h w"]) -> tuple[Tensor, Tensor]:
        """Coverage f 1 h w and colour f 3 h w of points in the wheel's own coordinates."""
        far = torch.hypot(u, v)
        outer = self.radius - self.tyre
        sector = 2 * math.pi / self.spokes
        bearing = torch.remainder(torch.atan2(v, u) + sector / 2, sector) - sector / 2
        across = far * torch.sin(bearing).abs()
        width = max(self.spoke, 0.6 * canvas.pixel)
        spokes = canvas.coverage(torch.maximum(across - width, far - outer))
        tyre = canvas.coverage((far - outer - self.tyre / 2).abs() - self.tyre / 2)
        rim = canvas.coverage((far - outer + self.rim / 2).abs() - self.rim / 2)
        # One spoke and one stretch of the tyre differ, so that a turn by one spoke is not the same picture.
        marked = ((u > 0) & (v.abs() < 0.5 * self.tyre + width)).float()
        parts = (
            (spokes, self.metal[:, None, None] * (1 - marked[:, None]) + self.mark[:, None, None] * marked[:, None]),
            (canvas.coverage(far - self.hub), self.metal[:, None, None] * 0.7),
            (canvas.coverage(far - 0.4 * self.hub), self.rubber[:, None, None]),
            (rim, self.metal[:, None, None] * 0.85),
            (
                tyre,
                self.rubber[:, None, None] * (1 - marked[:, None])
                + (self.rubber[:, None, None] + 0.3) * marked[:, None],
            ),
        )
        alpha, colour = torch.zeros_like(far)[:, None], torch.zeros(len(far), 3, *far.shape[1:])
        for cover, shade in parts:
            part = cover[:, None]
            colour, alpha = colour * (1 - part) + shade * part, alpha + part * (1 - alpha)
        return alpha, (colour / alpha.clamp(min=1e-3)).clamp(0, 1)


def _turned(x: Tensor, y: Tensor, angle: Tensor) -> tuple[Tensor, Tensor]:
    """Points turned about zero, clockwise."""
    cos, sin = torch.cos(angle), torch.sin(angle)
    return x * cos - y * sin, x * sin + y * cos
