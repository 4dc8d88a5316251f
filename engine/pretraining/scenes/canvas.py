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


def nearest_segment(
    canvas: Canvas, start: Float[Tensor, "f n 2"], end: Float[Tensor, "f n 2"], reach: float
) -> Float[Tensor, "f h w"]:
    """Distance of each pixel to the nearest of many short segments; 1 beyond `reach` (both in picture heights).

    Only a window of pixels around each segment is looked at.
    """
    middle = (start + end) / 2
    size = ((end - start).abs().amax((0, 1)) / 2 + reach) / canvas.pixel
    across, down = (torch.arange(-int(side) - 1, int(side) + 2) for side in size)
    column = (middle[..., 0, None, None] / canvas.pixel).floor().long() + across
    row = (middle[..., 1, None, None] / canvas.pixel).floor().long() + down[:, None]
    column, row = torch.broadcast_tensors(column, row)
    px, py = (column + 0.5) * canvas.pixel, (row + 0.5) * canvas.pixel
    sx, sy = start[..., 0, None, None], start[..., 1, None, None]
    dx, dy = end[..., 0, None, None] - sx, end[..., 1, None, None] - sy
    along = (((px - sx) * dx + (py - sy) * dy) / (dx * dx + dy * dy + 1e-9)).clamp(0, 1)
    distance = torch.hypot(px - sx - along * dx, py - sy - along * dy)
    seen = (row >= 0) & (row < canvas.height) & (column >= 0) & (column < canvas.width) & (distance < reach)
    place = torch.where(seen, row * canvas.width + column, 0).flatten(1)
    field = torch.ones(len(start), canvas.height * canvas.width)
    field.scatter_reduce_(1, place, torch.where(seen, distance, 1.0).flatten(1), "amin")
    return field.unflatten(1, (canvas.height, canvas.width))
