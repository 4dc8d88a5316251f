"""Rain over everything, and smoke or fire that rises."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from engine.pretraining.scenes.canvas import Canvas, nearest_segment, sample
from engine.pretraining.scenes.element import STEP, Layer
from engine.pretraining.scenes.elements.current import Current
from engine.pretraining.scenes.textures import fractal

if TYPE_CHECKING:
    from jaxtyping import Float

    from engine.pretraining.scenes.backgrounds import Background
    from engine.pretraining.scenes.draws import Draws

FRESH = 0.25


class Rain:
    """Streaks that fall in one direction at two depths, each living for a moment.

    Every other rain begins after the first moment: any photo can be rained on.
    """

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
        self.begins = draws.chance(0.5)

    def paint(self, canvas: Canvas, seconds: Float[Tensor, "f"]) -> Layer:
        """The rain at each time; drops that leave below come back above, so there is no one flow."""
        fall = seconds[:, None] * self.pace
        y = torch.remainder(self.place[:, 1] + fall, 1.3) - 0.15
        x = torch.remainder(self.place[:, 0] + self.lean * fall, canvas.aspect + 0.6) - 0.3
        head = torch.stack([x, y], -1)
        tail = head - self.length * torch.tensor([self.lean, 1.0])
        distance = nearest_segment(canvas, tail, head, self.thickness + canvas.pixel)
        alpha = canvas.coverage(distance - self.thickness)[:, None]
        if self.begins:
            alpha = alpha * (seconds > 0)[:, None, None, None]
        colour = self.colour[None, :, None, None].expand(len(seconds), 3, canvas.height, canvas.width)
        origin = torch.zeros(len(seconds), 2, canvas.height, canvas.width)
        held = torch.zeros_like(alpha, dtype=torch.bool)
        return Layer(colour, alpha * self.opacity, torch.ones_like(alpha), None, origin, held)


class Smoke:
    """A column of smoke, steam or flames that rises and spreads, gathering speed from its foot on."""

    motion = "smoke"

    def __init__(self, draws: Draws, canvas: Canvas, background: Background) -> None:
        del background
        side = canvas.height * 2
        self.field = fractal(draws, (side, side), channels=2, persistence=0.6, coarsest=draws.uniform(6, 12))
        self.centre, self.foot = draws.uniform(0.2, canvas.aspect - 0.2), draws.uniform(0.55, 1.05)
        self.width, self.spread = draws.uniform(0.05, 0.15), draws.uniform(0.1, 0.4)
        self.height = draws.uniform(0.35, 0.8)
        self.current = Current(draws.uniform(0.08, 0.18), draws.uniform(0.1, 0.25))
        self.density = draws.uniform(1.5, 2.2)
        fiery = draws.chance(0.4)
        self.low = torch.tensor([1.0, 0.85, 0.3]) if fiery else draws.colour(0.4, 0.9)
        self.high = torch.tensor([0.8, 0.15, 0.05]) if fiery else self.low * 0.8

    def paint(self, canvas: Canvas, seconds: Float[Tensor, "f"]) -> Layer:
        """The column at each time."""
        time = seconds[:, None, None]
        risen = (self.foot - canvas.y).clamp(min=0)
        up = (self.foot - canvas.y) / self.height
        across = (canvas.x - self._middle(risen, time)) / self._half(risen)
        x = across * (self.width + self.spread / 2) + 1
        old = sample(self.field, x, 1 - self.current.carried(risen, -time), period=2.0)
        new = sample(self.field, x + 0.37, 0.39 - risen + self.current.speed * time, period=2.0)
        puffs = old * (1 - FRESH) + new * FRESH
        # It begins at a sharp edge: what rises from a faint foot would stay faint.
        column = (
            (2 - 2 * across.abs()).clamp(0, 1) * canvas.coverage(canvas.y - self.foot) * (1 - up).clamp(0, 1) ** 0.5
        )
        alpha = (column[:, None] * (self.density + 0.9 * puffs[:, :1])).clamp(0, 1)
        part = up.clamp(0, 1)
        colour = self.low[:, None, None] * (1 - part) + self.high[:, None, None] * part
        colour = (colour * (1 + 0.3 * puffs[:, 1:])).clamp(0, 1)
        region = (column[:, None] > 0.02).float()
        later = self._place(across, self.current.carried(risen, torch.tensor(STEP)), time + STEP)
        here = self._place(across, risen, time)
        origin = self._place(across, self.current.carried(risen, seconds[0] - time), seconds[0]) - here
        return Layer(colour, alpha, region, (later - here) / STEP * region, origin)

    def _half(self, risen: Tensor) -> Tensor:
        return self.width + self.spread * (risen / self.height).clamp(0, 1)

    def _middle(self, risen: Tensor, time: Tensor) -> Tensor:
        up = risen / self.height
        return self.centre - 0.08 * up * torch.sin(2 * math.pi * (0.8 * up - 1.2 * self.current.speed * time))

    def _place(self, across: Tensor, risen: Tensor, time: Tensor) -> Tensor:
        """Where material lies at each time, x and y, f 2 h w."""
        x = self._middle(risen, time) + across * self._half(risen)
        return torch.stack([x, (self.foot - risen).expand_as(x)], 1)
