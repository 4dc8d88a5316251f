"""A four-legged animal that runs: a first, simple figure."""

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

LEGS = ((-0.42, 0.0), (-0.34, 2.6), (0.36, 1.1), (0.44, 3.7))


class Runner:
    """Body, neck, head and tail, and four legs of two joints that swing in turn."""

    motion = "horse-running"

    def __init__(self, draws: Draws, canvas: Canvas, background: Background) -> None:
        del background
        self.size = draws.uniform(0.18, 0.42)
        self.heading = draws.sign()
        self.start = torch.tensor([draws.uniform(0.3, canvas.aspect - 0.3), draws.uniform(0.45, 0.8)])
        self.speed = draws.uniform(0.06, 0.3)
        self.rate, self.phase = draws.uniform(1.3, 2.2), draws.uniform(0, 2 * math.pi)
        self.colour = draws.colour(0.05, 0.75)
        self.mane = (self.colour * draws.uniform(0.3, 0.8)).clamp(0, 1)

    def paint(self, canvas: Canvas, seconds: Float[Tensor, "f"]) -> Layer:
        """The animal at each time; flow is its run, the swing of its legs left out."""
        turn = 2 * math.pi * self.rate * seconds + self.phase
        travelled = torch.stack([self.heading * self.speed * seconds, -0.05 * self.size * torch.sin(2 * turn)], -1)
        centre = self.start + travelled
        body = self._body(canvas, centre, turn)
        hair = self._hair(canvas, centre, turn)
        fur, mane = canvas.coverage(body)[:, None], canvas.coverage(hair)[:, None]
        alpha = 1 - (1 - fur) * (1 - mane)
        tint = (fur > mane).float()
        colour = self.colour[:, None, None] * tint + self.mane[:, None, None] * (1 - tint)
        flow = torch.zeros(len(seconds), 2, canvas.height, canvas.width)
        flow[:, 0] = self.heading * self.speed * alpha[:, 0]
        return Layer(colour, alpha, alpha, flow)

    def _body(self, canvas: Canvas, centre: Tensor, turn: Tensor) -> Tensor:
        trunk = self._limb(canvas, self._at(centre, -0.4, 0.0), self._at(centre, 0.4, -0.03), 0.17)
        shoulder = self._at(centre, 0.42, -0.05)
        crown = self._at(centre, 0.68, -0.42)
        parts = [trunk, self._limb(canvas, shoulder, crown, 0.09)]
        parts.append(self._limb(canvas, crown, self._at(centre, 0.86, -0.3), 0.06))
        for place, lag in LEGS:
            swing = 0.75 * torch.sin(turn + lag)
            hip = self._at(centre, place, 0.08)
            knee = self._swung(hip, swing, 0.3)
            hoof = self._swung(knee, swing - 0.55 * (1 + torch.cos(turn + lag)) * 0.7, 0.3)
            parts += [self._limb(canvas, hip, knee, 0.06), self._limb(canvas, knee, hoof, 0.035)]
        return torch.stack(parts).amin(0)

    def _hair(self, canvas: Canvas, centre: Tensor, turn: Tensor) -> Tensor:
        wave = 0.12 * torch.sin(turn)
        root, crown = self._at(centre, 0.4, -0.18), self._at(centre, 0.62, -0.46)
        tail = self._at(centre, -0.52, -0.05)
        tip = tail + self.size * torch.stack([-0.35 * self.heading + 0 * wave, 0.12 + wave], -1)
        return torch.minimum(self._limb(canvas, root, crown, 0.035), self._limb(canvas, tail, tip, 0.045))

    def _at(self, centre: Tensor, along: float, down: float) -> Tensor:
        return centre + self.size * torch.tensor([self.heading * along, down])

    def _swung(self, joint: Tensor, angle: Tensor, length: float) -> Tensor:
        return joint + length * self.size * torch.stack([self.heading * torch.sin(angle), torch.cos(angle)], -1)

    def _limb(self, canvas: Canvas, start: Tensor, end: Tensor, radius: float) -> Tensor:
        return segment_distance(canvas, start, end)[0] - max(radius * self.size, 0.5 * canvas.pixel)
