"""Where a figure stands and how it is turned: the coordinates its parts are laid out in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from jaxtyping import Float


@dataclass(frozen=True)
class Stance:
    """Coordinates that move: along (to the right when not turned) and down, in units of `size`.

    Args:
        centre: where their zero lies, in picture heights.
        angle: how far they are turned, clockwise, in radians.
        size: their unit in picture heights; a number, or one for each time.
    """

    centre: Float[Tensor, "f 2"]
    angle: Float[Tensor, "f"]
    size: float | Tensor

    def at(self, along: float | Tensor, down: float | Tensor) -> Float[Tensor, "f 2"]:
        """The place in the picture of a point of these coordinates, in picture heights."""
        along, down, size = (torch.as_tensor(value) for value in (along, down, self.size))
        cos, sin = torch.cos(self.angle), torch.sin(self.angle)
        return self.centre + size[..., None] * torch.stack([along * cos - down * sin, along * sin + down * cos], -1)

    def within(self, along: float | Tensor, down: float | Tensor, angle: float | Tensor) -> Stance:
        """Coordinates of a part that is fixed at a point of these and turned against them by an angle in radians."""
        return Stance(self.at(along, down), self.angle + angle, self.size)


def swung(joint: Float[Tensor, "f 2"], angle: Tensor, length: float | Tensor) -> Float[Tensor, "f 2"]:
    """End of a limb that hangs from a joint, swung forward (to the right) by an angle; lengths in picture heights."""
    return joint + torch.stack([torch.sin(angle) * length, torch.cos(angle) * length], -1)
