"""Textured things without a name that slide, turn, breathe or sway."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from engine.pretraining.scenes.canvas import Canvas, sample
from engine.pretraining.scenes.elements.element import Layer
from engine.pretraining.scenes.textures import textured

if TYPE_CHECKING:
    from jaxtyping import Float

    from engine.pretraining.scenes.backgrounds import Background
    from engine.pretraining.scenes.draws import Draws

PERIOD = 2.0


class Thing:
    """A blob or box with its own texture; one of four movements."""

    motion: str

    def __init__(self, draws: Draws, canvas: Canvas, background: Background) -> None:
        del background
        self.texture = textured(draws, Canvas(canvas.height * 2, canvas.height * 2))
        self.centre = torch.tensor([draws.uniform(0.25, canvas.aspect - 0.25), draws.uniform(0.25, 0.75)])
        self.size, self.stretch = draws.uniform(0.08, 0.32), draws.uniform(0.4, 1.0)
        self.angle = draws.uniform(0, 2 * math.pi)
        self.boxy, self.lobes = draws.chance(0.4), draws.integer(2, 6)
        self.depth = draws.uniform(0.0, 0.3)
        heading = draws.uniform(0, 2 * math.pi)
        self.velocity = draws.uniform(0.1, 0.35) * torch.tensor([math.cos(heading), math.sin(heading)])
        self.turn = draws.sign() * draws.uniform(0.6, 1.8)
        self.rate, self.phase = draws.uniform(0.5, 1.3), draws.uniform(0, 2 * math.pi)
        self.amount = draws.uniform(0.15, 0.35)

    def paint(self, canvas: Canvas, seconds: Float[Tensor, "f"]) -> Layer:
        """The thing at each time, with the flow of its surface."""
        time = seconds[:, None, None]
        step = 1e-3
        u, v = self._own(canvas, time)
        later_u, later_v = self._own(canvas, time + step)
        colour = sample(self.texture, u + PERIOD / 2, v + PERIOD / 2, period=PERIOD)
        alpha = canvas.coverage(self._distance(u, v))[:, None]
        flow = self._flow(canvas, (u, v), ((later_u - u) / step, (later_v - v) / step))
        return Layer(colour, alpha, alpha, flow * alpha)

    def _own(self, canvas: Canvas, time: Tensor) -> tuple[Tensor, Tensor]:
        """Each pixel in the thing's own coordinates."""
        swing = torch.sin(2 * math.pi * self.rate * time + self.phase)
        x, y = canvas.x - self.centre[0], canvas.y - self.centre[1]
        if self.motion == "sliding":
            x, y = x - self.velocity[0] * time, y - self.velocity[1] * time
        if self.motion == "swaying":
            foot = self.size * 1.2
            x = x - self.amount * swing * (foot - y).clamp(min=0) ** 1.5
        angle = self.angle + (self.turn * time if self.motion == "turning" else 0 * time)
        scale = 1 + self.amount * swing if self.motion == "breathing" else 1 + 0 * time
        cos, sin = torch.cos(angle), torch.sin(angle)
        return (x * cos + y * sin) / scale, (-x * sin + y * cos) / scale

    def _distance(self, u: Tensor, v: Tensor) -> Tensor:
        v = v / self.stretch
        if self.boxy:
            return torch.maximum(u.abs(), v.abs()) - self.size
        return torch.hypot(u, v) - self.size * (1 + self.depth * torch.sin(self.lobes * torch.atan2(v, u)))

    def _flow(self, canvas: Canvas, own: tuple[Tensor, Tensor], change: tuple[Tensor, Tensor]) -> Tensor:
        """Velocity at which each pixel's own coordinates stay what they are (implicit function theorem)."""
        gradients = [torch.gradient(field, spacing=canvas.pixel, dim=(1, 2)) for field in own]
        (u_y, u_x), (v_y, v_x) = gradients
        determinant = u_x * v_y - u_y * v_x
        x = -(v_y * change[0] - u_y * change[1]) / determinant
        y = -(u_x * change[1] - v_x * change[0]) / determinant
        return torch.stack([x, y], 1)


class Sliding(Thing):
    """Moves along a straight line."""

    motion = "sliding"


class Turning(Thing):
    """Turns about its centre."""

    motion = "turning"


class Breathing(Thing):
    """Grows and shrinks."""

    motion = "breathing"


class Swaying(Thing):
    """Bends from its foot like a plant in the wind."""

    motion = "swaying"
