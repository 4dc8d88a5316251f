"""Sees what could move in a photo: the image encoder of the base `nano`.

A latent pixel of `nano` holds 8x8 pixels, more than a bird. What is where is found on pixels, once for each photo, and
laid beside every frame for the denoiser, as Stable Video Diffusion does with its image encoder.

Source: Blattmann et al. 2023, Stable Video Diffusion (arXiv 2311.15127), on conditioning by an image encoder; the
network is a small U-Net (Ronneberger et al. 2015, arXiv 1505.04597) without its finest two levels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from pathlib import Path

    from jaxtyping import Float
    from torch import Tensor

WEIGHTS_NAME: Final = "model.safetensors"
CELL: Final = 4
"""Pixels along each side of what one answer is about."""
MULTIPLE: Final = 16
"""Height and width of a photo are multiples of this."""


def _convolved(channels: int, width: int, stride: int = 1) -> nn.Module:
    return nn.Sequential(nn.Conv2d(channels, width, 3, stride, 1), nn.GroupNorm(8, width), nn.SiLU())


class ImageEncoder(nn.Module):
    """Says of each 4x4 pixels of a photo what is there and how it would move.

    Args:
        things: how many kinds of things it knows.
        motions: how many numbers about the motion.
    """

    def __init__(self, things: int, motions: int) -> None:
        super().__init__()
        self.halves = nn.Sequential(_convolved(3, 24), _convolved(24, 48, 2), _convolved(48, 48))
        self.quarters = nn.Sequential(_convolved(48, 96, 2), _convolved(96, 96))
        self.eighths = nn.Sequential(_convolved(96, 160, 2), _convolved(160, 160), _convolved(160, 160))
        self.sixteenths = nn.Sequential(_convolved(160, 192, 2), _convolved(192, 192), _convolved(192, 192))
        self.up_to_eighths = _convolved(192 + 160, 160)
        self.up_to_quarters = nn.Sequential(_convolved(160 + 96, 96), _convolved(96, 96))
        self.things = nn.Conv2d(96, things, 1)
        self.motions = nn.Conv2d(96, motions, 1)

    @classmethod
    def load(cls, folder: Path) -> ImageEncoder:
        """The encoder that `save` left in `folder`, in single precision."""
        weights = {name: value.float() for name, value in load_file(folder / WEIGHTS_NAME).items()}
        encoder = cls(len(weights["things.bias"]), len(weights["motions.bias"]))
        encoder.load_state_dict(weights)
        return encoder.requires_grad_(requires_grad=False).eval()

    @property
    def channels(self) -> int:
        """Numbers about each cell."""
        return self.things.out_channels + self.motions.out_channels

    def save(self, folder: Path) -> None:
        """Write the weights into `folder`, in half precision."""
        folder.mkdir(parents=True, exist_ok=True)
        save_file({n: v.half().contiguous() for n, v in self.state_dict().items()}, folder / WEIGHTS_NAME)

    def forward(
        self, photos: Float[Tensor, "b 3 h w"]
    ) -> tuple[Float[Tensor, "b t h4 w4"], Float[Tensor, "b m h4 w4"]]:
        """Logits of the things, and the motions, in photos in [-1, 1]."""
        quarters = self.quarters(self.halves(photos))
        eighths = self.eighths(quarters)
        sixteenths = self.sixteenths(eighths)
        eighths = self.up_to_eighths(torch.cat([_doubled(sixteenths), eighths], 1))
        seen = self.up_to_quarters(torch.cat([_doubled(eighths), quarters], 1))
        return self.things(seen), self.motions(seen)

    def see(self, photos: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c h4 w4"]:
        """Both beside each other; 0 where there is nothing, about 1 for a thing that may be there or not."""
        things, motions = self(photos)
        return torch.cat([F.softplus(things), motions], 1)


def _doubled(coarse: Tensor) -> Tensor:
    return F.interpolate(coarse, scale_factor=2, mode="nearest")
