"""A pendulum that swings."""

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


class Pendulum:
    """A bob on a rod below a beam that stands still."""

    motion = "pendulum-swinging"

    def __init__(self, draws: Draws, canvas: Canvas, background: Background) -> None:
        del background
        self.length = draws.uniform(0.3, 0.7)
        reach = draws.uniform(0.07, 0.16)
        self.pivot = torch.tensor(
            [draws.uniform(0.35, canvas.aspect - 0.35), draws.uniform(0.05, max(0.06, 0.85 - self.length))]
        )
        self.swing, self.rate = reach / self.length, draws.uniform(0.6, 0.9)
        self.phase = draws.uniform(0, 2 * math.pi)
        self.bob, self.rod = draws.uniform(0.05, 0.11), draws.uniform(0.006, 0.014)
        self.colour, self.rod_colour, self.beam = draws.colour(0.1, 0.95), draws.colour(0.05, 0.9), draws.colour(0, 0.6)
        if draws.chance(0.5):
            self.colour = torch.tensor([0.85, 0.65, 0.2]) * draws.uniform(0.8, 1.15)
        self.figure = figure_of(self.limbs)

    def paint(self, canvas: Canvas, seconds: Float[Tensor, "f"]) -> Layer:
        """The pendulum at each time."""
        return self.figure.paint(canvas, seconds)

    def limbs(self, seconds: Float[Tensor, "f"]) -> list[Limb]:
        """Beam, rod, rimmed bob with a gleam, and the pin that the rod hangs on."""
        angle = self.swing * torch.sin(2 * math.pi * self.rate * seconds + self.phase)
        still = Stance(self.pivot + 0 * seconds[:, None], 0 * seconds, 1.0)
        rod, low, bob = still.within(0, 0, -angle), self.length, self.bob
        return [
            Limb(still.at(-0.13, -0.02), still.at(0.13, -0.02), (0.025, 0.025), self.beam),
            Limb(rod.at(0, 0), rod.at(0, low + 1.2 * bob), (self.rod, self.rod), self.rod_colour),
            Limb(rod.at(0, low - bob), rod.at(0, low + bob), 0.5, (self.colour * 0.55).clamp(0, 1)),
            Limb(rod.at(0, low - 0.82 * bob), rod.at(0, low + 0.82 * bob), 0.5, self.colour.clamp(0, 1)),
            Limb(rod.at(-0.5 * bob, low - 0.4 * bob), rod.at(0, low - 0.5 * bob), 0.4, (self.colour + 0.3).clamp(0, 1)),
            Limb(still.at(-0.01, 0), still.at(0.01, 0), (0.014, 0.014), (self.beam + 0.3).clamp(0, 1)),
        ]
