"""Birds that flap their wings and fly across."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from engine.pretraining.scenes.figure import Figure, joined

if TYPE_CHECKING:
    from jaxtyping import Float

    from engine.pretraining.scenes.backgrounds import Background
    from engine.pretraining.scenes.canvas import Canvas
    from engine.pretraining.scenes.draws import Draws
    from engine.pretraining.scenes.element import Layer

SMALLEST, LARGEST, LARGEST_IN_FLOCK = 0.1, 0.7, 0.35
WING = ((0.085, 0.1), (0.1, 0.015), (0.06, 0.012))
RADII = (*WING, (0.045, 0.03), (0.045, 0.03), (0.19, 0.19), (0.085, 0.07), (0.035, 0.005), *WING)
"""Far wing, tail, body (an oval: half its width as a share of its length), head, beak, near wing; in birds."""
BODY = 5


class Birds:
    """One to four birds that fly to the right: body, head, beak, tail, two wings of two joints each.

    Most stand out from what is behind them: dark before light, light before dark.
    """

    motion = "birds-flying"

    def __init__(self, draws: Draws, canvas: Canvas, background: Background) -> None:
        count = draws.integer(1, 4)
        largest = LARGEST if count <= 2 else LARGEST_IN_FLOCK
        lengths = [
            largest * (SMALLEST / largest) ** (draws.uniform(0, 1) * (0.5 if bird == 0 else 1)) for bird in range(count)
        ]
        self.size = torch.tensor(lengths)
        self.start = torch.tensor(
            [[draws.uniform(0.15, canvas.aspect - 0.3), draws.uniform(0.1, 0.75)] for _ in range(count)]
        )
        self.velocity = torch.tensor([[draws.uniform(0.05, 0.12), draws.uniform(-0.03, 0.02)] for _ in range(count)])
        self.rate = torch.tensor([draws.uniform(0.6, 1.2) for _ in range(count)])
        self.phase = torch.tensor([draws.uniform(0, 2 * math.pi) for _ in range(count)])
        self.lift = draws.uniform(0.6, 1.0)
        bright = bool(background.picture.mean() > 0.4)
        dark = bright if draws.chance(0.85) else not bright
        colour = draws.colour(0.0, 0.25) if dark else draws.colour(0.75, 1.0)
        beak = torch.tensor([0.9, 0.55, 0.1]) if draws.chance(0.6) else colour * 0.5
        wing = (colour * draws.uniform(0.75, 1.25)).clamp(0, 1)
        tip = (wing * draws.uniform(0.3, 1.0)).clamp(0, 1)
        near = [wing, wing * 0.5 + tip * 0.5, tip]
        tail = [colour * 0.75, colour * 0.85]
        colours = torch.stack([*(part * 0.75 for part in near), *tail, colour, colour, beak, *near])
        radius = torch.tensor(RADII)[:, None] * self.size[:, None]
        radius[BODY] = RADII[BODY][0]
        bodies = frozenset(range(BODY * count, (BODY + 1) * count))
        self.figure = Figure(self.pose, radius.flatten(0, 1), colours.repeat_interleave(count, 0), bodies)

    def paint(self, canvas: Canvas, seconds: Float[Tensor, "f"]) -> Layer:
        """The flock at each time."""
        return self.figure.paint(canvas, seconds)

    def pose(self, seconds: Float[Tensor, "f"]) -> Float[Tensor, "f n 2 2"]:
        """Limbs of all birds, seen from the side and a little from above; a bird is as long as its size."""
        turn = 2 * math.pi * self.rate * seconds[:, None] + self.phase
        bob = torch.stack([torch.zeros_like(turn), 0.08 * self.size * torch.sin(turn + 2.6)], -1)
        place = self.start + seconds[:, None, None] * self.velocity + bob
        head = self._at(place, 0.36, -0.06)
        far, near = (self._wing(place, turn, outward) for outward in ((0.1, -0.4), (-0.2, 0.4)))
        rump = self._at(place, -0.24, 0.02)
        return joined(
            [
                *far,
                (rump, self._at(place, -0.52, 0.0)),
                (rump, self._at(place, -0.5, 0.07)),
                (self._at(place, -0.36, 0.03), self._at(place, 0.36, 0.0)),
                (self._at(place, 0.22, -0.01), head),
                (head, self._at(head, 0.17, 0.03)),
                *near,
            ]
        )

    def _wing(self, place: Tensor, turn: Tensor, outward: tuple[float, float]) -> list[tuple[Tensor, Tensor]]:
        """Arm, hand, and the inner feathers that make the wing broad."""
        root, back = self._at(place, 0.1, -0.01), self._at(place, -0.08, 0.0)
        wrist = self._joint(root, outward, 0.38, self.lift * torch.sin(turn))
        hand = (outward[0] - 0.35, outward[1])
        tip = self._joint(wrist, hand, 0.45, 1.2 * self.lift * torch.sin(turn - 0.7))
        feathers = self._joint(back, (outward[0] - 0.25, outward[1]), 0.42, self.lift * torch.sin(turn - 0.25))
        return [(root, wrist), (wrist, tip), (back, feathers)]

    def _at(self, place: Tensor, along: float, down: float) -> Tensor:
        return place + self.size[:, None] * torch.tensor([along, down])

    def _joint(self, root: Tensor, outward: tuple[float, float], reach: float, raised: Tensor) -> Tensor:
        """End of a wing's part raised by an angle; `outward` is how a level wing is seen."""
        across = outward[0] * torch.cos(raised)
        down = outward[1] * torch.cos(raised) - torch.sin(raised)
        return root + reach * self.size[:, None] * torch.stack([across, down], -1)
