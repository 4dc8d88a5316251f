"""Textured things without a name that slide, turn, breathe or sway."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from engine.pretraining.scenes.canvas import Canvas, sample
from engine.pretraining.scenes.element import STEP, Layer
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
        self.velocity = draws.uniform(0.06, 0.16) * torch.tensor([math.cos(heading), math.sin(heading)])
        self.turn = draws.sign() * draws.uniform(0.25, 0.7)
        self.rate, self.phase = draws.uniform(0.6, 1.2), draws.uniform(0, 2 * math.pi)
        self.amount = draws.uniform(0.15, 0.35)

    def paint(self, canvas: Canvas, seconds: Float[Tensor, "f"]) -> Layer:
        """The thing at each time, with the flow of its surface."""
        time = seconds[:, None, None]
        u, v = self._own(canvas, time)
        colour = sample(self.texture, u + PERIOD / 2, v + PERIOD / 2, period=PERIOD)
        alpha = canvas.coverage(self._distance(u, v))[:, None]
        here = torch.stack([canvas.x, canvas.y])
        flow = (self._place(u, v, time + STEP) - self._place(u, v, time)) / STEP
        origin = self._place(u, v, seconds[:1, None, None]) - here
        return Layer(colour, alpha, alpha, flow * alpha, origin, alpha > 0.05)

    def _own(self, canvas: Canvas, time: Tensor) -> tuple[Tensor, Tensor]:
        """Each pixel in the thing's own coordinates."""
        middle, angle, scale = self._stance(time)
        x, y = canvas.x - middle[0], canvas.y - middle[1]
        x = x - self._bend(y, time)
        cos, sin = torch.cos(angle), torch.sin(angle)
        return (x * cos + y * sin) / scale, (-x * sin + y * cos) / scale

    def _place(self, u: Tensor, v: Tensor, time: Tensor) -> Float[Tensor, "f 2 h w"]:
        """Where points given in the thing's own coordinates are seen: the inverse of `_own`."""
        middle, angle, scale = self._stance(time)
        cos, sin = torch.cos(angle), torch.sin(angle)
        x, y = (u * cos - v * sin) * scale, (u * sin + v * cos) * scale
        return torch.stack([x + self._bend(y, time) + middle[0], y + middle[1]], 1)

    def _stance(self, time: Tensor) -> tuple[tuple[Tensor, Tensor], Tensor, Tensor]:
        """Centre, angle and scale at each time, f 1 1 each."""
        gone = time if self.motion == "sliding" else 0 * time
        middle = (self.centre[0] + self.velocity[0] * gone, self.centre[1] + self.velocity[1] * gone)
        angle = self.angle + self.turn * (time if self.motion == "turning" else 0 * time)
        return middle, angle, 1 + (self.amount if self.motion == "breathing" else 0.0) * self._swing(time)

    def _bend(self, y: Tensor, time: Tensor) -> Tensor:
        """How far to the side a height is blown; nothing below the foot."""
        if self.motion != "swaying":
            return torch.zeros(())
        return self.amount * self._swing(time) * (self.size * 1.2 - y).clamp(min=0) ** 1.5

    def _swing(self, time: Tensor) -> Tensor:
        return torch.sin(2 * math.pi * self.rate * time + self.phase)

    def _distance(self, u: Tensor, v: Tensor) -> Tensor:
        v = v / self.stretch
        if self.boxy:
            return torch.maximum(u.abs(), v.abs()) - self.size
        return torch.hypot(u, v) - self.size * (1 + self.depth * torch.sin(self.lobes * torch.atan2(v, u)))


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
