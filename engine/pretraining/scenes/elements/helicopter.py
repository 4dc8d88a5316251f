"""A helicopter that hovers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from engine.pretraining.scenes.figure import Limb, figure_of
from engine.pretraining.scenes.stance import Stance

if TYPE_CHECKING:
    from jaxtyping import Float

    from engine.pretraining.scenes.backgrounds import Background
    from engine.pretraining.scenes.canvas import Canvas
    from engine.pretraining.scenes.draws import Draws
    from engine.pretraining.scenes.element import Layer

DISC = 0.13
"""How wide the circle of the rotor's tips is seen from the side, as a share of its length."""


class Helicopter:
    """Bobs and tilts about its place, nose to the right, while its rotors turn."""

    motion = "helicopter-hovering"

    def __init__(self, draws: Draws, canvas: Canvas, background: Background) -> None:
        del background
        self.size = (0.08 + 0.37 * draws.uniform(0, 1) ** 0.7) * canvas.aspect
        left, right = 0.55 * self.size, canvas.aspect - 0.5 * self.size
        high, low = 0.3 * self.size + 0.03, max(0.35, 0.85 - 0.25 * self.size)
        self.place = torch.tensor([draws.uniform(left, right), draws.uniform(high, low)])
        self.bob = torch.tensor([draws.uniform(0.003, 0.012), draws.uniform(0.01, 0.03)])
        self.tilt, self.nose_down = draws.uniform(0.02, 0.06), draws.uniform(-0.05, 0.1)
        self.sway, self.phase = draws.uniform(0.3, 0.6), draws.uniform(0, 2 * math.pi)
        self.spin = draws.uniform(0.4, 0.6)
        self.blades, self.angle = draws.choice([2, 4, 4]), draws.uniform(0, 2 * math.pi)
        self.paintwork = draws.colour(0.08, 0.95)
        if draws.chance(0.4):
            self.paintwork = torch.rand(3, generator=draws.generator)
        self.trim = (self.paintwork * draws.uniform(0.4, 0.8)).clamp(0, 1)
        self.glass = draws.choice([torch.tensor([0.7, 0.85, 0.95]), torch.tensor([0.12, 0.18, 0.25])])
        self.dark = draws.colour(0.02, 0.2)
        self.figure = figure_of(self.limbs)

    def paint(self, canvas: Canvas, seconds: Float[Tensor, "f"]) -> Layer:
        """The helicopter at each time."""
        return self.figure.paint(canvas, seconds)

    def limbs(self, seconds: Float[Tensor, "f"]) -> list[Limb]:
        """All parts; the craft is as long as its size, and zero lies in its cabin."""
        turn = 2 * math.pi * self.sway * seconds + self.phase
        centre = self.place + self.bob * torch.stack([torch.sin(0.7 * turn), torch.sin(turn)], -1)
        craft = Stance(centre, self.nose_down + self.tilt * torch.sin(turn + 1.0), self.size)
        spun = 2 * math.pi * self.spin * seconds + self.angle
        return [
            *self._undercarriage(craft),
            *self._hull(craft),
            *self._tail_rotor(craft, spun),
            *self._rotor(craft, spun),
        ]

    def _undercarriage(self, craft: Stance) -> list[Limb]:
        struts = [self._bar(craft.at(x, 0.06), craft.at(x * 1.25, 0.165), 0.008, self.dark) for x in (-0.07, 0.1)]
        runner = self._bar(craft.at(-0.16, 0.17), craft.at(0.17, 0.17), 0.01, self.dark)
        return [*struts, runner, self._bar(craft.at(0.17, 0.17), craft.at(0.2, 0.155), 0.01, self.dark)]

    def _hull(self, craft: Stance) -> list[Limb]:
        """Tail boom, fins, mast, engine, cabin, glass nose, stripe and window."""
        at, size = craft.at, self.size
        return [
            Limb(at(-0.05, -0.02), at(-0.52, -0.055), (0.05 * size, 0.016 * size), self.paintwork),
            Limb(at(-0.5, -0.05), at(-0.56, -0.15), (0.026 * size, 0.014 * size), self.trim),
            Limb(at(-0.47, -0.05), at(-0.53, -0.03), (0.012 * size, 0.01 * size), self.trim),
            self._bar(at(-0.01, -0.08), at(-0.01, -0.2), 0.014, self.dark),
            Limb(at(-0.12, -0.09), at(0.06, -0.1), (0.035 * size, 0.04 * size), self.trim),
            Limb(at(-0.2, 0.0), at(0.24, 0.01), 0.29, self.paintwork),
            Limb(at(0.03, -0.035), at(0.23, 0.015), 0.36, self.glass),
            Limb(at(-0.15, 0.045), at(0.14, 0.065), (0.012 * size, 0.022 * size), self.trim),
            self._bar(at(0.1, -0.1), at(0.09, 0.06), 0.008, self.paintwork),
            self._bar(at(-0.06, -0.035), at(-0.02, -0.035), 0.028, self.glass),
        ]

    def _tail_rotor(self, craft: Stance, spun: Tensor) -> list[Limb]:
        """A bar that turns the other way, seen face on."""
        hub = craft.within(-0.55, -0.1, -spun)
        return [self._bar(hub.at(-0.08, 0), hub.at(0.08, 0), 0.009, self.dark)]

    def _rotor(self, craft: Stance, spun: Tensor) -> list[Limb]:
        """Blades whose length is seen to swing as they turn, and the hub."""
        hub = craft.at(-0.01, -0.2)
        blades = []
        for blade in range(self.blades):
            angle = spun + 2 * math.pi * blade / self.blades
            tip = craft.at(-0.01 + 0.48 * torch.cos(angle), -0.2 + 0.48 * DISC * torch.sin(angle))
            blades.append(self._bar(hub, tip, 0.01, self.dark))
        return [*blades, self._bar(craft.at(-0.03, -0.195), craft.at(0.01, -0.195), 0.016, self.dark)]

    def _bar(self, start: Tensor, end: Tensor, radius: float, colour: Tensor) -> Limb:
        return Limb(start, end, (radius * self.size, radius * self.size), colour)
