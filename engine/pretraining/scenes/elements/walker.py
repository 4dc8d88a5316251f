"""A horse that gallops."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from engine.pretraining.scenes.figure import Limb, figure_of
from engine.pretraining.scenes.stance import Stance, swung

if TYPE_CHECKING:
    from jaxtyping import Float

    from engine.pretraining.scenes.backgrounds import Background
    from engine.pretraining.scenes.canvas import Canvas
    from engine.pretraining.scenes.draws import Draws
    from engine.pretraining.scenes.element import Layer

HIND, FORE = (0.0, 0.7), (3.0, 3.7)
"""Lag of each leg in the gallop (radians), near and far: the hind legs close together, the fore half a turn later."""
HIND_RADII = ((0.125, 0.075), (0.07, 0.036), (0.036, 0.028), (0.03, 0.042))
FORE_RADII = ((0.085, 0.045), (0.04, 0.03), (0.03, 0.026), (0.028, 0.04))


class Runner:
    """Trunk, neck, head, ears, mane, tail, and four legs of four parts that swing in a gallop's order, to the right."""

    motion = "horse-running"

    def __init__(self, draws: Draws, canvas: Canvas, background: Background) -> None:
        del background
        self.size = draws.uniform(0.12, 0.42)
        self.start = torch.tensor([draws.uniform(0.25, canvas.aspect - 0.4), draws.uniform(0.4, 0.78)])
        self.speed = draws.uniform(0.05, 0.12)
        self.rate, self.phase = draws.uniform(0.6, 1.2), draws.uniform(0, 2 * math.pi)
        self.stride = draws.uniform(0.55, 0.8)
        self.fur = draws.colour(0.05, 0.75)
        if draws.chance(0.5):
            brown = draws.choice([(0.45, 0.25, 0.12), (0.25, 0.15, 0.1), (0.62, 0.4, 0.22), (0.85, 0.83, 0.8)])
            self.fur = (torch.tensor(brown) * draws.uniform(0.75, 1.15)).clamp(0, 1)
        self.hair = (self.fur * draws.uniform(0.3, 0.8)).clamp(0, 1)
        self.socks = draws.choice([self.hair, self.fur, self.fur, torch.tensor([0.9, 0.88, 0.85])])
        self.figure = figure_of(self.limbs)

    def paint(self, canvas: Canvas, seconds: Float[Tensor, "f"]) -> Layer:
        """The horse at each time."""
        return self.figure.paint(canvas, seconds)

    def limbs(self, seconds: Float[Tensor, "f"]) -> list[Limb]:
        """All parts: the trunk rocks and rises once in a stride, the head nods against it, hair trails."""
        turn = 2 * math.pi * self.rate * seconds + self.phase
        travelled = torch.stack([self.speed * seconds, -0.07 * self.size * torch.sin(turn + 0.6)], -1)
        trunk = Stance(self.start + travelled, 0.1 * torch.sin(turn + 2.2), self.size)
        hip, shoulder = trunk.at(-0.36, 0.02), trunk.at(0.35, 0.08)
        near, far = 1.0, 0.68
        legs = [
            self._hind(hip, turn - HIND[1], far) + self._fore(shoulder, turn - FORE[1], far),
            self._hind(hip, turn - HIND[0], near) + self._fore(shoulder, turn - FORE[0], near),
        ]
        return [*legs[0], *self._tail(trunk, turn), *self._neck(trunk, turn), *self._barrel(trunk), *legs[1]]

    def _barrel(self, trunk: Stance) -> list[Limb]:
        """Belly, croup and chest."""
        at = trunk.at
        return [
            self._part(at(-0.34, -0.03), at(0.3, 0.0), (0.16, 0.185), self.fur),
            Limb(at(-0.55, -0.02), at(-0.14, -0.05), 0.47, self.fur),
            self._part(at(0.28, -0.04), at(0.37, 0.01), (0.17, 0.155), self.fur),
        ]

    def _neck(self, trunk: Stance, turn: Tensor) -> list[Limb]:
        """Mane, neck, ears, head and muzzle."""
        base = trunk.within(0.34, -0.1, -0.1 * torch.sin(turn + 0.9))
        crown, poll = base.at(0.36, -0.36), base.at(0.33, -0.42)
        flying = 0.02 * torch.sin(turn - 0.9)
        return [
            self._part(base.at(-0.08, -0.12 + flying), base.at(0.27, -0.45 + flying), (0.05, 0.055), self.hair),
            self._part(base.at(0.0, 0.02), crown, (0.165, 0.08), self.fur),
            self._part(poll, base.at(0.31, -0.52), (0.03, 0.01), self.fur * 0.8),
            self._part(base.at(0.36, -0.42), base.at(0.36, -0.51), (0.03, 0.01), self.fur),
            self._part(crown, base.at(0.56, -0.19), (0.085, 0.05), self.fur),
            self._part(base.at(0.555, -0.2), base.at(0.58, -0.17), (0.048, 0.042), self.hair),
            self._part(base.at(0.42, -0.36), base.at(0.43, -0.36), (0.013, 0.013), self.fur * 0.2),
        ]

    def _tail(self, trunk: Stance, turn: Tensor) -> list[Limb]:
        dock, wave = trunk.at(-0.51, -0.1), torch.sin(turn - 0.8)
        middle = swung(dock, -1.25 + 0.25 * wave, 0.2 * self.size)
        tip = swung(middle, -0.75 + 0.3 * torch.sin(turn - 1.8), 0.3 * self.size)
        return [self._part(dock, middle, (0.035, 0.055), self.hair), self._part(middle, tip, (0.06, 0.015), self.hair)]

    def _hind(self, hip: Tensor, turn: Tensor, light: float) -> list[Limb]:
        """Thigh, gaskin, cannon and hoof; folded while the leg comes forward, straight while it pushes back."""
        swing, folded = self.stride * torch.sin(turn), (1 + torch.cos(turn)) / 2
        stifle = swung(hip, swing + 0.3 + 0.4 * folded, 0.22 * self.size)
        hock = swung(stifle, swing - 0.45 - 0.55 * folded, 0.24 * self.size)
        fetlock = swung(hock, 0.9 * swing + 0.1 - 0.25 * folded, 0.2 * self.size)
        toe = swung(fetlock, swing + 0.5 - 1.0 * folded, 0.07 * self.size)
        return self._leg((hip, stifle, hock, fetlock, toe), HIND_RADII, light)

    def _fore(self, shoulder: Tensor, turn: Tensor, light: float) -> list[Limb]:
        """Forearm, cannon, pastern and hoof; the cannon folds back under the forearm that comes forward."""
        swing, folded = self.stride * torch.sin(turn), (1 + torch.cos(turn)) / 2
        knee = swung(shoulder, swing + 0.25 * folded, 0.3 * self.size)
        fetlock = swung(knee, swing - 1.35 * folded, 0.22 * self.size)
        pastern = swung(fetlock, swing + 0.3 - 1.5 * folded, 0.06 * self.size)
        toe = swung(pastern, swing + 0.3 - 1.2 * folded, 0.04 * self.size)
        return self._leg((shoulder, knee, fetlock, pastern, toe), FORE_RADII, light)

    def _leg(self, joints: tuple[Tensor, ...], radii: tuple[tuple[float, float], ...], light: float) -> list[Limb]:
        colours = (self.fur, self.fur, self.socks, self.hair * 0.5)
        parts = zip(joints[:-1], joints[1:], radii, colours, strict=True)
        return [self._part(start, end, radius, colour * light) for start, end, radius, colour in parts]

    def _part(self, start: Tensor, end: Tensor, radius: tuple[float, float], colour: Tensor) -> Limb:
        return Limb(start, end, (radius[0] * self.size, radius[1] * self.size), colour)
