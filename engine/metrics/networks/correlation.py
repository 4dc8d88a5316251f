"""How alike every place of one feature map is to every place of another, looked up around a guess."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

if TYPE_CHECKING:
    from torch import Tensor


def pixel_grid(like: Tensor) -> Tensor:
    """The place of each pixel, b 2 h w: column, row."""
    batch, _, height, width = like.shape
    rows, columns = torch.meshgrid(
        torch.arange(height, device=like.device), torch.arange(width, device=like.device), indexing="ij"
    )
    return torch.stack([columns, rows]).float()[None].repeat(batch, 1, 1, 1)


class CorrelationPyramid:
    """All products of two feature maps b d h w, also at halves of the second one's size.

    Source: RAFT (arXiv 2003.12039), 3.2.
    """

    def __init__(self, one: Tensor, other: Tensor, *, levels: int, radius: int) -> None:
        batch, depth, height, width = one.shape
        products = one.flatten(2).transpose(1, 2) @ other.flatten(2) / math.sqrt(depth)
        self._levels = [products.reshape(batch * height * width, 1, *other.shape[-2:])]
        for _ in range(levels - 1):
            self._levels.append(F.avg_pool2d(self._levels[-1], 2, stride=2))
        self._radius = radius

    def at(self, places: Tensor) -> Tensor:
        """Products around `places` b 2 h w, with (2 r + 1)^2 channels a level.

        Channels count columns slowly and rows quickly: the published weights expect them so.
        """
        batch, _, height, width = places.shape
        reach = torch.arange(-self._radius, self._radius + 1, device=places.device, dtype=torch.float32)
        slow, quick = torch.meshgrid(reach, reach, indexing="ij")
        around = torch.stack([slow, quick], dim=-1)
        centres = places.permute(0, 2, 3, 1).reshape(-1, 1, 1, 2)
        found = [
            sampled(products, centres / 2**level + around).reshape(batch, height, width, -1)
            for level, products in enumerate(self._levels)
        ]
        return torch.cat(found, dim=-1).permute(0, 3, 1, 2).contiguous()


def sampled(picture: Tensor, places: Tensor) -> Tensor:
    """The picture b d h w between its pixels at places b y x 2 (column, row); zero outside."""
    height, width = picture.shape[-2:]
    size = torch.tensor([max(width - 1, 1), max(height - 1, 1)], device=picture.device)
    return F.grid_sample(picture, 2 * places / size - 1, align_corners=True)
