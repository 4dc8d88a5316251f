"""Where things are drawn: coordinates, soft edges, and moving a picture by a displacement.

Lengths are in units of the picture's height: y runs from 0 (top) to 1, x from 0 to width / height.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

if TYPE_CHECKING:
    from jaxtyping import Float


@dataclass(frozen=True)
class Canvas:
    """A picture size in pixels."""

    height: int
    width: int

    @property
    def aspect(self) -> float:
        """Width in picture heights."""
        return self.width / self.height

    @property
    def pixel(self) -> float:
        """Size of a pixel in picture heights."""
        return 1.0 / self.height

    @cached_property
    def y(self) -> Float[Tensor, "h w"]:
        """Vertical coordinate of each pixel's centre."""
        return ((torch.arange(self.height) + 0.5) / self.height)[:, None].expand(self.height, self.width)

    @cached_property
    def x(self) -> Float[Tensor, "h w"]:
        """Horizontal coordinate of each pixel's centre."""
        return ((torch.arange(self.width) + 0.5) / self.height)[None, :].expand(self.height, self.width)

    def coverage(self, distance: Tensor) -> Tensor:
        """How much of each pixel lies inside, from the signed distance to the edge (negative inside)."""
        return (0.5 - distance / self.pixel).clamp(0, 1)


def sample(texture: Float[Tensor, "c th tw"], x: Tensor, y: Tensor, *, period: float) -> Tensor:
    """`texture` at points (x, y), f h w each; it repeats (mirrored) every `period` picture heights.

    Returns:
        f c h w
    """
    grid = torch.stack([x / period * 2 - 1, y / period * 2 - 1], -1)
    wrapped = mirror(grid)
    return F.grid_sample(
        texture[None].expand(x.shape[0], -1, -1, -1),
        wrapped,
        mode="bilinear",
        padding_mode="reflection",
        align_corners=False,
    )


def mirror(grid: Tensor) -> Tensor:
    """Coordinates folded into [-1, 1], so that far points stay exact."""
    folded = torch.remainder(grid + 1, 4.0)
    return torch.where(folded > 2, 4 - folded, folded) - 1


def segment_distance(canvas: Canvas, start: Tensor, end: Tensor) -> Tensor:
    """Distance of each pixel to a segment, and how far along it the nearest point lies (0 to 1).

    Args:
        start: ... 2, (x, y).
        end: the same shape.

    Returns:
        2 ... h w
    """
    px, py = canvas.x, canvas.y
    sx, sy = start[..., 0, None, None], start[..., 1, None, None]
    dx, dy = end[..., 0, None, None] - sx, end[..., 1, None, None] - sy
    along = (((px - sx) * dx + (py - sy) * dy) / (dx * dx + dy * dy + 1e-9)).clamp(0, 1)
    return torch.stack([torch.hypot(px - sx - along * dx, py - sy - along * dy), along])
