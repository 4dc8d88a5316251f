"""The autoencoder of the base `nano`: an orthonormal lapped transform, nothing learned, nothing to download.

Each 4x4 block of the picture becomes one latent pixel of 16 channels: cosine coefficients of overlapping 8x8 windows,
ten of brightness and three of each of two opponent colours. The kept ones are rows of one orthonormal matrix, so an
error of some size in a latent is an error of the same size in the picture; windows overlap, so no block edges show;
and the decoder is the transpose of the encoder.

Source: Malvar and Staelin 1989, "The LOT: transform coding without blocking effects"; Tran, Liang and Tu 2003 for the
form "rotate across each block boundary, then a block DCT".
"""

from __future__ import annotations

import json
import math
from functools import lru_cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from pathlib import Path

    from jaxtyping import Float

BLOCK = 4
BRIGHTNESS_ORDER = 4
COLOUR_ORDER = 2
CONFIG_NAME = "config.json"


def cosine_basis(count: int) -> Float[Tensor, "count count"]:
    """Rows of the orthonormal DCT-II of length `count`, in float64."""
    position = torch.arange(count, dtype=torch.float64) + 0.5
    rows = torch.cos(math.pi / count * torch.outer(torch.arange(count, dtype=torch.float64), position))
    rows *= math.sqrt(2 / count)
    rows[0] /= math.sqrt(2)
    return rows


def boundary_rotation() -> Float[Tensor, "4 4"]:
    """What mixes the two samples on either side of a block boundary before the block transform; orthonormal.

    The inner rotation J C2^T C4 J (C2, C4: cosine transforms of type II and IV, length 2) is that of Malvar's fast LOT.
    """
    half = BLOCK // 2
    eye = torch.eye(half, dtype=torch.float64)
    flip = eye.flip(0)
    position = torch.arange(half, dtype=torch.float64) + 0.5
    fourth = torch.cos(math.pi / half * torch.outer(position, position)) * math.sqrt(2 / half)
    inner = flip @ cosine_basis(half).T @ fourth @ flip
    butterfly = torch.cat([torch.cat([eye, flip], 1), torch.cat([flip, -eye], 1)]) / math.sqrt(2)
    return butterfly @ torch.block_diag(eye, inner) @ butterfly


@lru_cache(maxsize=16)
def lapped_transform(length: int) -> Float[Tensor, "length length"]:
    """The orthonormal transform along one axis of `length` samples, a multiple of four; float64.

    The outermost half blocks have no neighbour and stay unmixed, so the matrix is orthonormal at the edges, too.
    """
    mixing = torch.eye(length, dtype=torch.float64)
    half = BLOCK // 2
    for boundary in range(BLOCK, length, BLOCK):
        window = slice(boundary - half, boundary + half)
        mixing[window, window] = boundary_rotation()
    blocks = torch.kron(torch.eye(length // BLOCK, dtype=torch.float64), cosine_basis(BLOCK))
    return blocks @ mixing


def opponent_colours() -> Float[Tensor, "3 3"]:
    """Rows turn red, green, blue into brightness, red-blue and green-magenta; orthonormal."""
    rows = torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, -1.0], [1.0, -2.0, 1.0]], dtype=torch.float64)
    return rows / rows.norm(dim=1, keepdim=True)


def kept_coefficients() -> tuple[tuple[int, int, int], ...]:
    """(colour, vertical order, horizontal order) of each latent channel, coarse before fine."""
    limits = (BRIGHTNESS_ORDER, COLOUR_ORDER, COLOUR_ORDER)
    kept = [
        (colour, y, x)
        for colour, limit in enumerate(limits)
        for y in range(BLOCK)
        for x in range(BLOCK)
        if y + x < limit
    ]
    return tuple(sorted(kept, key=lambda index: (index[1] + index[2], index)))


class PatchAutoencoder(nn.Module):
    """Pixels in [-1, 1] <-> latents of 16 channels at a quarter of the size.

    Args:
        scale: latents are the transform's coefficients times this; chosen so that their deviation over pictures is
            near 0.5 and the strongest channel's near 1.4, against start noise of deviation 1.
    """

    channels = len(kept_coefficients())

    def __init__(self, *, scale: float = 0.5) -> None:
        super().__init__()
        self.scale = scale
        colours, rows, columns = zip(*kept_coefficients(), strict=True)
        self._kept = [
            colour * BLOCK * BLOCK + y * BLOCK + x for colour, y, x in zip(colours, rows, columns, strict=True)
        ]

    @classmethod
    def load(cls, folder: Path) -> PatchAutoencoder:
        """The autoencoder described by `config.json` in `folder`."""
        config = json.loads((folder / CONFIG_NAME).read_text())
        return cls(scale=float(config["scale"]))

    def save(self, folder: Path) -> None:
        """Write `config.json` into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        config = {"kind": "lapped-transform", "block": BLOCK, "channels": self.channels, "scale": self.scale}
        (folder / CONFIG_NAME).write_text(json.dumps(config, indent=2) + "\n")

    def encode(self, pixels: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c h4 w4"]:
        """Latents of pictures in [-1, 1]; height and width are multiples of four."""
        count, _, height, width = pixels.shape
        down, across, colours = self._matrices(height, width, pixels)
        mixed = torch.einsum("dc,nchw->ndhw", colours, pixels.float())
        coefficients = down @ mixed @ across.T
        grid = coefficients.reshape(count, 3, height // BLOCK, BLOCK, width // BLOCK, BLOCK)
        every = grid.permute(0, 1, 3, 5, 2, 4).reshape(count, 3 * BLOCK * BLOCK, height // BLOCK, width // BLOCK)
        return every[:, self._kept] * self.scale

    def decode(self, latents: Float[Tensor, "n c h4 w4"]) -> Float[Tensor, "n 3 h w"]:
        """Pictures of latents; values may leave [-1, 1] a little."""
        count, _, rows, columns = latents.shape
        height, width = rows * BLOCK, columns * BLOCK
        down, across, colours = self._matrices(height, width, latents)
        every = latents.new_zeros((count, 3 * BLOCK * BLOCK, rows, columns), dtype=torch.float32)
        every[:, self._kept] = latents.float() / self.scale
        grid = every.reshape(count, 3, BLOCK, BLOCK, rows, columns).permute(0, 1, 4, 2, 5, 3)
        mixed = down.T @ grid.reshape(count, 3, height, width) @ across
        return torch.einsum("dc,ndhw->nchw", colours, mixed)

    def _matrices(self, height: int, width: int, like: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        matrices = (lapped_transform(height), lapped_transform(width), opponent_colours())
        down, across, colours = (matrix.to(like.device, torch.float32) for matrix in matrices)
        return down, across, colours
