"""What every movable thing can do: paint itself at given times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from engine.pretraining.scenes.canvas import Canvas


@dataclass(frozen=True)
class Layer:
    """A thing over the picture, frame by frame.

    Args:
        colour: in [0, 1].
        alpha: how much of each pixel it covers.
        region: 1 where the motion is, which may be more than what is covered now (a sky with clouds in it).
        flow: displacement of what is seen, in picture heights per second, x then y; None where no single one is true.
    """

    colour: Float[Tensor, "f 3 h w"]
    alpha: Float[Tensor, "f 1 h w"]
    region: Float[Tensor, "f 1 h w"]
    flow: Float[Tensor, "f 2 h w"] | None


class Element(Protocol):
    """A thing that can move; its look and motion are drawn once, when it is made."""

    motion: str

    def paint(self, canvas: Canvas, seconds: Float[Tensor, "f"]) -> Layer:
        """The thing at each of the given times."""
        ...
