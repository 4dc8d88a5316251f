"""A person seen from the front, in units of a standing person's height; zero lies between the hips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.pretraining.scenes.complexion import cloth_colour, hair_colour, skin_colour
from engine.pretraining.scenes.figure import Limb

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from engine.pretraining.scenes.draws import Draws
    from engine.pretraining.scenes.stance import Stance

TOP, FEET, SEATED_FEET = -0.52, 0.5, 0.36
"""How far the crown and the soles are from the hips, downwards."""


@dataclass(frozen=True)
class Person:
    """Looks of a person; sizes in picture heights, colours in [0, 1]."""

    size: float
    seated: bool
    skin: Float[Tensor, "3"]
    hair: Float[Tensor, "3"]
    shirt: Float[Tensor, "3"]
    trousers: Float[Tensor, "3"]
    shoes: Float[Tensor, "3"]
    long_hair: bool
    long_sleeves: bool

    @classmethod
    def drawn(cls, draws: Draws, size: float, *, seated: bool) -> Person:
        """A random one of the given size."""
        return cls(
            size,
            seated,
            skin_colour(draws),
            hair_colour(draws),
            cloth_colour(draws),
            draws.colour(0.05, 0.6),
            draws.colour(0.02, 0.4),
            draws.chance(0.4),
            draws.chance(0.6),
        )

    def legs(self, ground: Stance) -> list[Limb]:
        """Thighs, shins and shoes, and the stool of a seated person."""
        limbs = self._stool(ground) if self.seated else []
        shade = (1.0, 0.88)
        for side, light in zip((-1, 1), shade, strict=True):
            cloth = self.trousers * light
            if self.seated:
                hip, knee, ankle = ground.at(0.06 * side, 0), ground.at(0.14 * side, 0.07), ground.at(0.12 * side, 0.31)
                toe = ground.at(0.16 * side, 0.34)
            else:
                hip, knee = ground.at(0.05 * side, 0), ground.at(0.065 * side, 0.24)
                ankle, toe = ground.at(0.07 * side, 0.46), ground.at(0.1 * side, 0.48)
            limbs += [
                self._capsule(ankle, toe, (0.026, 0.022), self.shoes),
                self._capsule(knee, ankle, (0.045, 0.03), cloth),
                self._capsule(hip, knee, (0.065, 0.052), cloth),
            ]
        return limbs

    def trunk(self, chest: Stance) -> list[Limb]:
        """Hips, waist, chest and shoulders."""
        return [
            self._capsule(chest.at(-0.03, -0.01), chest.at(0.03, -0.01), (0.07, 0.07), self.trousers),
            self._capsule(chest.at(0, -0.06), chest.at(0, -0.2), (0.085, 0.11), self.shirt),
            self._capsule(chest.at(-0.1, -0.26), chest.at(0.1, -0.26), (0.048, 0.048), self.shirt),
        ]

    def head(self, face: Stance) -> list[Limb]:
        """Neck, head, hair and eyes; zero of `face` lies where the neck begins."""
        dark = self.skin * 0.25
        limbs = [self._oval(face.at(0, -0.205), face.at(0, -0.045), 0.46, self.hair)]
        if self.long_hair:
            limbs += [
                self._capsule(face.at(0.05 * side, -0.12), face.at(0.07 * side, 0.05), (0.035, 0.025), self.hair)
                for side in (-1, 1)
            ]
        return [
            *limbs,
            self._capsule(face.at(0, -0.05), face.at(0, 0.01), (0.028, 0.034), self.skin * 0.85),
            self._oval(face.at(0, -0.185), face.at(0, -0.025), 0.38, self.skin),
            self._capsule(face.at(-0.04, -0.165), face.at(0.035, -0.175), (0.022, 0.026), self.hair),
            *(
                self._capsule(face.at(x - 0.006, -0.105), face.at(x + 0.006, -0.105), (0.008, 0.008), dark)
                for x in (-0.026, 0.026)
            ),
            self._capsule(face.at(-0.015, -0.055), face.at(0.015, -0.055), (0.005, 0.005), self.skin * 0.5),
        ]

    def arm(self, shoulder: Tensor, elbow: Tensor, hand: Tensor) -> tuple[Limb, list[Limb]]:
        """The upper arm, and the forearm with its hand, from joints f 2 in picture heights."""
        sleeve = self.shirt * 0.86
        forearm = sleeve * 0.95 if self.long_sleeves else self.skin
        wrist = elbow + 0.85 * (hand - elbow)
        return self._capsule(shoulder, elbow, (0.045, 0.036), sleeve), [
            self._capsule(elbow, wrist, (0.036, 0.026), forearm),
            self._capsule(wrist, hand, (0.028, 0.028), self.skin),
        ]

    def _stool(self, ground: Stance) -> list[Limb]:
        wood = self.shoes * 0.5 + 0.25
        legs = [
            self._capsule(ground.at(0.08 * side, 0.08), ground.at(0.11 * side, 0.35), (0.014, 0.012), wood)
            for side in (-1, 1)
        ]
        return [*legs, self._capsule(ground.at(-0.09, 0.07), ground.at(0.09, 0.07), (0.025, 0.025), wood * 1.2)]

    def _capsule(self, start: Tensor, end: Tensor, radius: tuple[float, float], colour: Tensor) -> Limb:
        return Limb(start, end, (radius[0] * self.size, radius[1] * self.size), colour.clamp(0, 1))

    def _oval(self, start: Tensor, end: Tensor, width: float, colour: Tensor) -> Limb:
        return Limb(start, end, width, colour.clamp(0, 1))
