"""A person who plays the guitar."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from engine.pretraining.scenes.figure import Limb, figure_of
from engine.pretraining.scenes.person import FEET, SEATED_FEET, TOP, Person
from engine.pretraining.scenes.stance import Stance

if TYPE_CHECKING:
    from jaxtyping import Float

    from engine.pretraining.scenes.backgrounds import Background
    from engine.pretraining.scenes.canvas import Canvas
    from engine.pretraining.scenes.draws import Draws
    from engine.pretraining.scenes.element import Layer

WOODS = ((0.75, 0.45, 0.18), (0.88, 0.68, 0.36), (0.5, 0.2, 0.08), (0.35, 0.1, 0.08), (0.12, 0.1, 0.1))
STRINGS = (-0.009, 0.009)


class Guitarist:
    """Seated or standing, sometimes only the upper body: one hand strums, the other slides along the neck."""

    motion = "guitar-playing"

    def __init__(self, draws: Draws, canvas: Canvas, background: Background) -> None:
        del background
        seated, close = draws.chance(0.5), draws.chance(0.4)
        height = (SEATED_FEET if seated else FEET) - TOP
        size = draws.uniform(1.1, 1.7) if close else draws.uniform(0.35, 0.95) / height
        self.person = Person.drawn(draws, size, seated=seated)
        room = 0.04 if close else max(0.01, 0.98 - size * height)
        left, right = 0.25 * size, canvas.aspect - 0.45 * size
        across = draws.uniform(left, right) if left < right else (left + right) / 2
        self.hips = torch.tensor([across, draws.uniform(0.3 * room, room) - TOP * size])
        self.wood = (torch.tensor(draws.choice(WOODS)) + 0.04 * draws.normal(3)).clamp(0, 1)
        self.rate, self.phase = draws.uniform(0.7, 1.2), draws.uniform(0, 2 * math.pi)
        self.tilt, self.sway = -draws.uniform(0.2, 0.5), draws.uniform(0.025, 0.05)
        self.strum, self.slide = draws.uniform(0.055, 0.08), draws.uniform(0.03, 0.06)
        self.grip = draws.uniform(0.22, 0.32)
        self.figure = figure_of(self.limbs)

    def paint(self, canvas: Canvas, seconds: Float[Tensor, "f"]) -> Layer:
        """The player at each time."""
        return self.figure.paint(canvas, seconds)

    def limbs(self, seconds: Float[Tensor, "f"]) -> list[Limb]:
        """All parts at the given times: legs stay, the trunk sways, the head nods, the arms play."""
        person, turn = self.person, 2 * math.pi * self.rate * seconds + self.phase
        still = torch.zeros_like(turn)
        ground = Stance(self.hips + still[:, None], still, person.size)
        chest = ground.within(0, 0, self.sway * torch.sin(turn / 2))
        face = chest.within(0, -0.3 + 0.01 * torch.sin(turn + 0.8), 0.12 * torch.sin(turn / 2 - 0.6))
        guitar = chest.within(0.03, -0.09, self.tilt)
        strumming = guitar.at(0.02 + 0.008 * torch.sin(turn), self.strum * torch.sin(turn))
        elbow = chest.at(-0.22 + 0.01 * torch.sin(turn), -0.1 + 0.015 * torch.sin(turn))
        upper, playing = person.arm(chest.at(-0.125, -0.26), elbow, strumming)
        fretting = guitar.at(self.grip + self.slide * torch.sin(turn / 2 + 1.3), 0.012)
        other_upper, holding = person.arm(chest.at(0.125, -0.26), chest.at(0.22, -0.1), fretting)
        body = [*person.legs(ground), *person.trunk(chest), *person.head(face), upper, other_upper]
        return [*body, *self._guitar(guitar), *holding, *playing]

    def _guitar(self, guitar: Stance) -> list[Limb]:
        """Rim and top of both bouts, neck, head, sound hole, bridge and strings."""
        size, rim, neck = self.person.size, self.wood * 0.45, self.wood * 0.4
        dark, light = self.wood * 0.15, self.wood * 0.3 + 0.65
        along = guitar.at
        return [
            Limb(along(-0.2, 0), along(0.02, 0), 0.56, rim),
            Limb(along(-0.03, 0), along(0.145, 0), 0.53, rim),
            Limb(along(-0.19, 0), along(0.01, 0), 0.56, self.wood),
            Limb(along(-0.02, 0), along(0.135, 0), 0.52, self.wood),
            Limb(along(0.06, 0), along(0.39, 0), (0.015 * size, 0.013 * size), neck),
            Limb(along(0.4, 0), along(0.46, 0), (0.02 * size, 0.024 * size), neck),
            Limb(along(0.0, 0), along(0.064, 0), 0.5, dark),
            Limb(along(-0.11, -0.035), along(-0.11, 0.035), (0.01 * size, 0.01 * size), dark),
            *(
                Limb(along(-0.11, place), along(0.4, place * 0.7), (0.002 * size, 0.002 * size), light)
                for place in STRINGS
            ),
        ]
