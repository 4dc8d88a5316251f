"""Birds that flap their wings and fly across."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from engine.pretraining.scenes.canvas import Canvas, segment_distance
from engine.pretraining.scenes.elements.element import Layer

if TYPE_CHECKING:
    from jaxtyping import Float

    from engine.pretraining.scenes.backgrounds import Background
    from engine.pretraining.scenes.draws import Draws


class Birds:
    """A flock of one to six: a body, two wings of two joints each, a common heading."""

    motion = "birds-flying"

    def __init__(self, draws: Draws, canvas: Canvas, background: Background) -> None:
        del background
        count = draws.integer(1, 6)
        largest = 0.3 if count <= 2 else 0.16
        self.size = torch.tensor([draws.uniform(0.06, largest) for _ in range(count)])
        self.start = torch.tensor(
            [[draws.uniform(0.1, canvas.aspect - 0.1), draws.uniform(0.06, 0.75)] for _ in range(count)]
        )
        heading = draws.sign()
        self.velocity = torch.tensor(
            [[heading * draws.uniform(0.1, 0.3), draws.uniform(-0.08, 0.05)] for _ in range(count)]
        )
        self.rate = torch.tensor([draws.uniform(1.2, 2.4) for _ in range(count)])
        self.phase = torch.tensor([draws.uniform(0, 2 * math.pi) for _ in range(count)])
        self.lift = draws.uniform(0.5, 0.95)
        self.colour = draws.colour(0.0, 0.25) if draws.chance(0.65) else draws.colour(0.75, 1.0)
        self.heading = heading

    def paint(self, canvas: Canvas, seconds: Float[Tensor, "f"]) -> Layer:
        """The flock at each time; flow is each bird's flight, its wings' beat left out."""
        time = seconds[:, None]
        beat = torch.sin(2 * math.pi * self.rate * time + self.phase)
        place = self.start + time[..., None] * self.velocity
        bob = torch.stack([torch.zeros_like(beat), -0.12 * self.size * beat], -1)
        place = place + bob
        distance = self._shape(canvas, place, beat)
        alpha = canvas.coverage(distance)
        together = 1 - (1 - alpha).prod(1, keepdim=True)
        velocity = self.velocity[None].expand(len(seconds), -1, -1)
        flow = (alpha[:, :, None] * velocity[..., None, None]).amax(1) + (
            alpha[:, :, None] * velocity[..., None, None]
        ).amin(1)
        colour = self.colour[None, :, None, None].expand(len(seconds), 3, canvas.height, canvas.width)
        return Layer(colour, together, together, flow)

    def _shape(self, canvas: Canvas, place: Tensor, beat: Tensor) -> Tensor:
        size = self.size[None, :]
        along = self.size[None, :, None] * torch.tensor([self.heading * 0.35, 0.02])
        distances = [self._limb(canvas, place - along, place + along, size * 0.09, size * 0.05)]
        for side in (-1.0, 1.0):
            inner = self._joint(place, side * 0.45, self.lift * beat)
            outer = self._joint(inner, side * 0.55, 0.6 * self.lift * beat - 0.25)
            distances.append(self._limb(canvas, place, inner, size * 0.09, size * 0.07))
            distances.append(self._limb(canvas, inner, outer, size * 0.07, size * 0.01))
        return torch.stack(distances).amin(0)

    def _joint(self, origin: Tensor, reach: float, raise_by: Tensor) -> Tensor:
        across = reach * self.size * torch.cos(raise_by)
        up = -abs(reach) * self.size * torch.sin(raise_by)
        return origin + torch.stack([across, up], -1)

    def _limb(self, canvas: Canvas, start: Tensor, end: Tensor, thick: Tensor, thin: Tensor) -> Tensor:
        distance, along = segment_distance(canvas, start, end)
        radius = thick[..., None, None] * (1 - along) + thin[..., None, None] * along
        return distance - radius.clamp(min=0.4 * canvas.pixel)
