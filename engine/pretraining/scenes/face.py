"""A face laid out flat: what is painted on the ellipsoid of a head.

Coordinates: `turn`, the angle from the middle of the face to the side (positive to the right, in radians), and `down`,
from -1 (crown) to 1 (chin).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from engine.pretraining.scenes.complexion import hair_colour, skin_colour
from engine.pretraining.scenes.textures import fractal

if TYPE_CHECKING:
    from jaxtyping import Float

    from engine.pretraining.scenes.draws import Draws

WIDEST = 2.4
"""How far the layout reaches to each side, in radians."""
EYES, EYES_APART = -0.02, 0.37
MOUTH, MOUTH_WIDTH = 0.6, 0.26


@dataclass(frozen=True)
class Layout:
    """The flat coordinates of a picture of `rows` rows, and soft edges in it."""

    turn: Float[Tensor, "h w"]
    down: Float[Tensor, "h w"]
    texel: float

    @classmethod
    def of(cls, rows: int) -> Layout:
        """Square texels over the whole layout, in units of half the head's height."""
        columns = round(rows * WIDEST)
        down = (torch.arange(rows) + 0.5) / rows * 2 - 1
        turn = ((torch.arange(columns) + 0.5) / columns * 2 - 1) * WIDEST
        return cls(turn[None].expand(rows, -1), down[:, None].expand(-1, columns), 2 / rows)

    def oval(self, turn: float, down: float, wide: float, high: float, soft: float = 0.0) -> Float[Tensor, "1 h w"]:
        """Coverage of an oval with the given half width and height; `soft` widens its edge."""
        level = torch.hypot((self.turn - turn) / wide, (self.down - down) / high)
        return self.edge((level - 1) * min(wide, high), soft)

    def bow(self, turn: float, down: float, wide: float, thick: float, arch: float) -> Float[Tensor, "1 h w"]:
        """Coverage of a stroke of half length `wide` whose ends hang `arch` below its middle."""
        across = (self.turn - turn) / wide
        distance = (self.down - down - arch * across**2).abs() - thick * (1 - 0.6 * across.abs())
        return self.edge(torch.maximum(distance, (across.abs() - 1) * wide))

    def edge(self, distance: Float[Tensor, "h w"], soft: float = 0.0) -> Float[Tensor, "1 h w"]:
        """Coverage from a signed distance, negative inside."""
        return (0.5 - distance / max(1.5 * self.texel, soft)).clamp(0, 1)[None]


@dataclass(frozen=True)
class Face:
    """Looks of a face; colours in [0, 1]."""

    skin: Float[Tensor, "3"]
    hair: Float[Tensor, "3"]
    eyes: Float[Tensor, "3"]
    lips: Float[Tensor, "3"]
    long_hair: bool
    hairline: float
    brows: float

    @classmethod
    def drawn(cls, draws: Draws) -> Face:
        """A random one."""
        skin = skin_colour(draws)
        red = torch.tensor([draws.uniform(0.85, 1.1), draws.uniform(0.45, 0.7), draws.uniform(0.5, 0.75)])
        eyes = torch.tensor(draws.choice([(0.2, 0.12, 0.06), (0.25, 0.4, 0.6), (0.3, 0.4, 0.25), (0.05, 0.04, 0.04)]))
        return cls(
            skin,
            hair_colour(draws),
            eyes,
            (skin * red + torch.tensor([draws.uniform(0.0, 0.25), 0.0, 0.03])).clamp(0, 1),
            draws.chance(0.5),
            draws.uniform(-0.62, -0.42),
            draws.uniform(0.025, 0.05),
        )

    def flat(self, draws: Draws, rows: int) -> tuple[Float[Tensor, "3 h w"], Float[Tensor, "3 h w"]]:
        """The layout with the mouth closed, and with teeth between the lips."""
        layout = Layout.of(rows)
        height, width = layout.turn.shape
        strands = fractal(draws, (height, width), persistence=0.45, coarsest=3.0, stretch=4.0)
        blotches = fractal(draws, (height, width), persistence=0.5, coarsest=3.0)
        picture = self.skin[:, None, None] * (1 + 0.04 * blotches)
        for cover, colour in (*self._relief(layout), *self._features(layout)):
            picture = picture * (1 - cover) + colour[:, None, None] * cover
        hair = self._hair(layout)
        hairy = (self.hair[:, None, None] + 0.05) * (1 + 0.22 * strands)
        closed = (picture * (1 - hair) + hairy * hair).clamp(0, 1)
        teeth = layout.oval(0, MOUTH + 0.002, 0.85 * MOUTH_WIDTH, 0.03)
        return closed, closed * (1 - teeth) + 0.92 * teeth

    def _relief(self, layout: Layout) -> list[tuple[Tensor, Tensor]]:
        """Soft light and shade of brow, cheeks, nose and chin, with the colour each leans to."""
        light, shade = (self.skin * 1.2 + 0.03).clamp(0, 1), self.skin * 0.6
        rose = (self.skin * torch.tensor([1.08, 0.78, 0.76])).clamp(0, 1)
        sides = (-1, 1)
        return [
            *((0.7 * layout.oval(1.25 * side, 0.35, 0.55, 0.9, 0.6), shade) for side in sides),
            *((0.55 * layout.oval(0.5 * side, 0.3, 0.2, 0.14, 0.25), rose) for side in sides),
            *((0.5 * layout.oval(EYES_APART * side, EYES - 0.03, 0.22, 0.1, 0.12), shade) for side in sides),
            (0.45 * layout.oval(0.0, 0.16, 0.055, 0.22, 0.1), light),
            (0.55 * layout.oval(0.09, 0.2, 0.03, 0.17, 0.06), shade),
            (0.6 * layout.oval(0.0, 0.36, 0.12, 0.035, 0.05), shade),
            (0.45 * layout.oval(0.0, 0.77, 0.16, 0.03, 0.06), shade),
        ]

    def _features(self, layout: Layout) -> list[tuple[Tensor, Tensor]]:
        """Eyes, brows, nostrils and lips with their colours."""
        parts: list[tuple[Tensor, Tensor]] = []
        for side in (-1, 1):
            place = EYES_APART * side
            parts += [
                (layout.oval(place, EYES, 0.15, 0.068), torch.full((3,), 0.93)),
                (layout.oval(place, EYES - 0.005, 0.068, 0.066), self.eyes),
                (layout.oval(place, EYES, 0.032, 0.034), self.eyes * 0.2),
                (layout.oval(place + 0.025, EYES - 0.025, 0.016, 0.016), torch.ones(3)),
                (layout.bow(place, EYES - 0.075, 0.17, 0.022, 0.07), self.skin * 0.25),
                (layout.bow(place, EYES - 0.2, 0.2, self.brows, 0.05), self.hair * 0.7),
                (0.7 * layout.oval(0.06 * side, 0.365, 0.028, 0.016), self.skin * 0.3),
            ]
        return [
            *parts,
            (layout.oval(0, MOUTH + 0.035, 0.72 * MOUTH_WIDTH, 0.055), (self.lips * 1.1).clamp(0, 1)),
            (layout.oval(0, MOUTH - 0.015, 0.95 * MOUTH_WIDTH, 0.04), self.lips * 0.9),
            (layout.bow(0, MOUTH, 1.05 * MOUTH_WIDTH, 0.014, 0.0), self.lips * 0.3),
        ]

    def _hair(self, layout: Layout) -> Float[Tensor, "1 h w"]:
        """Above the hairline, and down the sides as far as hair of this length hangs."""
        side = layout.turn.abs()
        hanging = 0.75 if self.long_hair else 0.1
        line = self.hairline + 0.1 * side + (hanging - self.hairline) * ((side - 0.72) / 0.3).clamp(0, 1) ** 1.5
        return layout.edge(layout.down - line, 0.05)
