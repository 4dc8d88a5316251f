"""From one motion for each cell to one for each pixel, along the edges of the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch
from torch.nn import functional as F

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

NEAR: Final = 0.6
"""Cells over which a cell's motion is heard (deviation)."""
ALIKE: Final = 0.1
"""Difference of colour, in a picture from -1 to 1, up to which a pixel follows a cell (deviation)."""
APART: Final = 4.0
"""Pixels by which motions of neighbouring cells differ where edges say which is whose; within a face they do not."""
LEAST: Final = 1e-6
"""Weight of a cell of any other colour, so that a pixel like none of them follows the nearest."""


def pixel_motion(cells: Float[Tensor, "b 2 f h4 w4"], picture: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 2 f h w"]:
    """The motion of each pixel, in pixels.

    Where neighbouring cells move alike, it is linear between their centres. Where they do not, each pixel follows those
    of them whose mean colour it has: the foot of a mountain stands while the sky behind it moves.

    Args:
        cells: motion of square cells.
        picture: frame 0 in [-1, 1].

    Source: joint bilateral upsampling, Kopf et al. 2007 (doi 10.1145/1276377.1276497).
    """
    size = picture.shape[-1] // cells.shape[-1]
    flat = cells.transpose(1, 2).flatten(0, 1)
    smooth = F.interpolate(flat, scale_factor=size, mode="bilinear", align_corners=False)
    spread = F.max_pool2d(flat, 3, 1, 1) + F.max_pool2d(-flat, 3, 1, 1)
    edges = (spread.norm(dim=1, keepdim=True) / APART).clamp(max=1)
    share = F.interpolate(edges, scale_factor=size, mode="bilinear", align_corners=False)
    frames = cells.shape[2]
    guided = _guided(cells, picture, size).transpose(1, 2).flatten(0, 1)
    return torch.lerp(smooth, guided, share).unflatten(0, (len(cells), frames)).transpose(1, 2)


def _guided(
    cells: Float[Tensor, "b 2 f h4 w4"], picture: Float[Tensor, "b 3 h w"], size: int
) -> Float[Tensor, "b 2 f h w"]:
    """Means of the motions of a pixel's own cell and the eight around it, weighted by nearness and likeness."""
    colours = F.avg_pool2d(picture, size)
    batch, _, frames, rows, columns = cells.shape
    table = torch.cat([cells.flatten(1, 2), colours], 1)
    around = F.unfold(F.pad(table, (1, 1, 1, 1), mode="replicate"), 3).unflatten(1, (-1, 9))
    around = around.unflatten(-1, (rows, columns))
    total = torch.zeros(batch, 2 * frames, *picture.shape[-2:], device=cells.device, dtype=cells.dtype)
    weights = torch.zeros_like(total[:, :1])
    down, across = (_distances(count, size, cells) for count in (rows, columns))
    for index in range(9):
        values = around[:, :, index].repeat_interleave(size, -2).repeat_interleave(size, -1)
        motions, colour = values[:, : 2 * frames], values[:, 2 * frames :]
        apart = (picture - colour).square().sum(1, keepdim=True)
        near = torch.exp(-(down[index // 3][:, None] + across[index % 3][None]) / (2 * NEAR**2))
        weight = near * (torch.exp(-apart / (2 * ALIKE**2)) + LEAST)
        total += weight * motions
        weights += weight
    return (total / weights).unflatten(1, (2, frames))


def _distances(count: int, size: int, like: Tensor) -> list[Float[Tensor, "n"]]:
    """Squared distances in cells, along an axis, of pixels to the centres of the cell before, their own, the next."""
    places = (torch.arange(count * size, device=like.device, dtype=like.dtype) + 0.5) / size % 1 - 0.5
    return [(places - step).square() for step in (-1, 0, 1)]
