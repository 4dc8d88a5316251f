"""A plant that grows."""

from __future__ import annotations

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


class Plant:
    """A stem that lengthens and straightens while leaves unfold from it, from the lowest on; some bear a flower."""

    motion = "plant-growing"

    def __init__(self, draws: Draws, canvas: Canvas, background: Background) -> None:
        del background
        self.height, self.duration = draws.uniform(0.3, 0.75), draws.uniform(2.0, 3.0)
        self.begun = draws.uniform(0.4, 0.6)
        self.foot = torch.tensor(
            [draws.uniform(0.3, canvas.aspect - 0.3), draws.uniform(min(self.height + 0.1, 0.85), 0.98)]
        )
        self.parts = draws.integer(4, 6)
        self.bend = torch.tensor([draws.uniform(-0.22, 0.22) for _ in range(self.parts)])
        self.curl = draws.sign() * draws.uniform(0.15, 0.3)
        self.leaf, self.width = draws.uniform(0.28, 0.42), draws.uniform(0.16, 0.26)
        self.spread = draws.uniform(0.85, 1.25)
        self.stem = torch.tensor([0.3, 0.6, 0.2]) * draws.uniform(0.6, 1.3) + 0.05 * draws.normal(3)
        self.leaves = [(self.stem * draws.uniform(0.7, 1.4)).clamp(0, 1) for _ in range(2 * self.parts)]
        self.soil = torch.tensor([0.3, 0.2, 0.13]) * draws.uniform(0.5, 1.5)
        self.petals = torch.rand(3, generator=draws.generator) * 0.6 + 0.4 if draws.chance(0.5) else None
        self.figure = figure_of(self.limbs)

    def paint(self, canvas: Canvas, seconds: Float[Tensor, "f"]) -> Layer:
        """The plant at each time."""
        return self.figure.paint(canvas, seconds)

    def limbs(self, seconds: Float[Tensor, "f"]) -> list[Limb]:
        """Soil, stem, a pair of leaves at each joint, and the bud."""
        gone = (seconds / self.duration).clamp(0, 1)
        grown = self.begun + (1 - self.begun) * gone * gone * (3 - 2 * gone)
        joint, angle = self.foot + 0 * seconds[:, None], 0 * seconds
        stem, leaves = [], []
        for part in range(self.parts):
            angle = angle + self.bend[part] + self.curl * (1 - grown)
            length = grown * self.height / self.parts
            tip = Stance(joint, angle, length).at(0, -1.0)
            thick = 0.016 * self.height / 0.5
            radius = (thick * (1 - 0.6 * part / self.parts), thick * (1 - 0.6 * (part + 1) / self.parts))
            stem.append(Limb(joint, tip, radius, self.stem.clamp(0, 1)))
            leaves += self._leaves(tip, angle, grown, part)
            joint = tip
        ends = Stance(joint, angle, grown * self.height)
        left, right = (self.foot + torch.tensor([x, 0.02]) + 0 * joint for x in (-0.11, 0.11))
        return [Limb(left, right, 0.16, self.soil.clamp(0, 1)), *stem, *leaves, *self._bud(ends, grown)]

    def _leaves(self, joint: Tensor, angle: Tensor, grown: Tensor, part: int) -> list[Limb]:
        """Two leaves that lie along the stem when small and stand off from it when grown; the upper ones later."""
        age = ((grown - 0.3 - 0.3 * part / self.parts) / 0.45).clamp(0.12, 1)
        length = self.leaf * self.height * (1 - 0.5 * part / self.parts) * age
        limbs = []
        for side in (-1, 1):
            away = angle + side * (0.25 + (self.spread - 0.25) * age)
            leaf = Stance(joint, away, length)
            colour = self.leaves[2 * part + (side > 0)]
            limbs += [
                Limb(joint, leaf.at(0, -1.0), self.width, colour),
                Limb(leaf.at(0, -0.1), leaf.at(0, -0.85), (0.002, 0.002), (colour * 0.7).clamp(0, 1)),
            ]
        return limbs

    def _bud(self, tip: Stance, grown: Tensor) -> list[Limb]:
        if self.petals is None:
            return []
        opened = ((grown - 0.5) / 0.5).clamp(0.1, 1)
        petals = []
        for number in range(5):
            away = (number - 2) * (0.15 + 0.95 * opened)
            petal = Stance(tip.centre, tip.angle + away, 0.13 * self.height * (0.4 + 0.6 * opened))
            petals.append(Limb(tip.centre, petal.at(0, -1.0), 0.28, self.petals * (0.85 if number % 2 else 1.0)))
        heart = Stance(tip.centre, tip.angle, 0.04 * self.height * (0.5 + 0.5 * opened))
        return [*petals, Limb(heart.at(-1.0, 0), heart.at(1.0, 0), 0.5, torch.tensor([0.9, 0.75, 0.2]))]
