"""What every movable thing can do: paint itself at given times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from jaxtyping import Bool, Float
    from torch import Tensor

    from engine.pretraining.scenes.canvas import Canvas

STEP: Final = 1e-2
"""Seconds over which velocities are taken."""


@dataclass(frozen=True)
class Layer:
    """A thing over the picture, frame by frame.

    Args:
        colour: in [0, 1].
        alpha: how much of each pixel it covers.
        region: 1 where the motion is, which may be more than what is covered now (a sky with clouds in it).
        flow: displacement of what is seen, in picture heights per second, x then y; None where no single one is true.
        origin: displacement from where what is seen is to where it was at the first of the times, in picture heights,
            x then y; 0 where no single one is true.
        held: where `origin` says what becomes of the picture; None for where `alpha` is above one half.
    """

    colour: Float[Tensor, "f 3 h w"]
    alpha: Float[Tensor, "f 1 h w"]
    region: Float[Tensor, "f 1 h w"]
    flow: Float[Tensor, "f 2 h w"] | None
    origin: Float[Tensor, "f 2 h w"]
    held: Bool[Tensor, "f 1 h w"] | None = None


class Element(Protocol):
    """A thing that can move; its look and motion are drawn once, when it is made."""

    motion: str

    def paint(self, canvas: Canvas, seconds: Float[Tensor, "f"]) -> Layer:
        """The thing at each of the given times."""
        ...
