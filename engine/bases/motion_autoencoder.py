"""The clip autoencoder of the base `nano`: a small video codec, nothing learned, nothing to download.

Frame 0 is coded as a picture. A later frame is coded as where its pixels came from in frame 0 (its *origin*) and what
that does not explain (the residual). A clip that stands still has zeros after frame 0, so a denoiser that knows nothing
leaves the photo as it is, and what it has to say about a motion is a smooth field of a few numbers. Frame 0 coded alone
and later frames relative to it is what causal video autoencoders learn (Wan 2.1); motion as a latent is LFDM's.

A latent pixel holds 8x8 pixels in 72 channels: each 2x2 cells of 4x4 pixels have 16 coefficients of a lapped transform
(the picture in frame 0, the residual later) and two numbers of motion.

Sources: Ni et al. 2023, "Conditional image-to-video generation with latent flow diffusion models" (arXiv 2303.13744);
motion compensation and dead zone as in block-based video coding (ITU-T H.262).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from engine.bases.guided_motion import pixel_motion
from engine.bases.patch_autoencoder import BLOCK, PatchAutoencoder
from engine.video.clip_tensor import to_frames
from engine.video.motion_estimation import origins_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from jaxtyping import Float

CONFIG_NAME = "config.json"
KIND = "motion-compensated"
FOLD = 2
"""Cells of the transform along each side of a latent pixel."""
MOTION_UNIT = 1.5
"""Pixels of a motion whose latent is 1; four times as far is 2."""
STILL = 0.2
"""Pixels below which a motion counts as none."""
MEANS = 3
"""Coefficients of a cell that are its mean colour: one of brightness, two of colour."""
MEAN_GAINS = (0.4, 1.5, 2.0)
"""Bring the means near deviation 1, as the noise has it."""
DETAIL_UNIT = 0.2
RESIDUAL_DEAD_ZONE = 0.05
"""Coefficients below this, about two levels of 255 over a cell, are left out."""


class MotionAutoencoder:
    """A `ClipAutoencoder` that codes motion. Origins are b 2 f h w, pixels to the right and down."""

    spatial = BLOCK * FOLD
    picture_channels = PatchAutoencoder.channels * FOLD**2
    channels = picture_channels + 2 * FOLD**2

    def __init__(self, pictures: PatchAutoencoder | None = None) -> None:
        self._pictures = pictures or PatchAutoencoder()

    @classmethod
    def load(cls, folder: Path) -> MotionAutoencoder:
        """The autoencoder described by `config.json` in `folder`."""
        config = json.loads((folder / CONFIG_NAME).read_text())
        return cls(PatchAutoencoder(scale=float(config["scale"])))

    def save(self, folder: Path) -> None:
        """Write `config.json` into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        config = {"kind": KIND, "block": self.spatial, "channels": self.channels, "scale": self._pictures.scale}
        (folder / CONFIG_NAME).write_text(json.dumps(config, indent=2) + "\n")

    def encode(self, pixels: Float[Tensor, "b 3 f h w"]) -> Float[Tensor, "b c f h8 w8"]:
        """Latents of clips whose motion is estimated; height and width are multiples of eight."""
        if pixels.shape[2] == 1:
            return self.encode_moving(pixels, pixels.new_zeros((pixels.shape[0], 2, *pixels.shape[2:])))
        origins = np.stack([origins_of(to_frames(clip)) for clip in pixels])
        return self.encode_moving(pixels, torch.from_numpy(origins).permute(0, 4, 1, 2, 3).to(pixels))

    def encode_moving(
        self, pixels: Float[Tensor, "b 3 f h w"], origin: Float[Tensor, "b 2 f h w"]
    ) -> Float[Tensor, "b c f h8 w8"]:
        """Latents of clips whose motion is known.

        The residual is taken against the motion as the decoder will see it, so it makes up for what that lost.
        """
        motion = motion_of_cells(origin)
        motion[:, :, 0] = 0
        picture = pixels[:, :, :1]
        seen = self._pixels(_expanded_picture(_compressed_picture(self._transformed(picture))))
        moved = _fetched(picture, self._origin(motion, seen))
        coefficients = self._transformed(torch.cat([picture, pixels[:, :, 1:] - moved], 2))
        first, later = coefficients[:, :, :1], coefficients[:, :, 1:]
        later = torch.where(later.abs() >= RESIDUAL_DEAD_ZONE, _compressed(later), 0.0)
        coefficients = torch.cat([_compressed_picture(first), later], 2)
        return _folded(torch.cat([coefficients, motion], 1))

    def decode(self, latents: Float[Tensor, "b c f h8 w8"]) -> Float[Tensor, "b 3 f h w"]:
        """Pixels; values may leave [-1, 1] a little."""
        cells = _unfolded(latents)
        coefficients, motion = cells[:, :-2], cells[:, -2:]
        first = self._pixels(_expanded_picture(coefficients[:, :, :1]))
        if latents.shape[2] == 1:
            return first
        moved = _fetched(first, self._origin(motion, first)) + self._pixels(_expanded(coefficients[:, :, 1:]))
        return torch.cat([first, moved], 2)

    def origin(self, latents: Float[Tensor, "b c f h8 w8"]) -> Float[Tensor, "b 2 f h w"]:
        """Where each pixel's content lies in frame 0, relative to the pixel; zero in frame 0."""
        cells = _unfolded(latents)
        first = self._pixels(_expanded_picture(cells[:, :-2, :1]))
        later = self._origin(cells[:, -2:], first)
        return torch.cat([torch.zeros_like(later[:, :, :1]), later], 2)

    def _origin(
        self, motion: Float[Tensor, "b 2 f h4 w4"], first: Float[Tensor, "b 3 1 h w"]
    ) -> Float[Tensor, "b 2 f-1 h w"]:
        return pixel_motion(_expanded_motion(motion[:, :, 1:]), first[:, :, 0])

    def _transformed(self, pixels: Tensor) -> Tensor:
        return _each_frame(self._pictures.encode, pixels)

    def _pixels(self, coefficients: Tensor) -> Tensor:
        return _each_frame(self._pictures.decode, coefficients)


def _each_frame(code: Callable[[Tensor], Tensor], clip: Tensor) -> Tensor:
    return code(clip.transpose(1, 2).flatten(0, 1)).unflatten(0, (clip.shape[0], -1)).transpose(1, 2)


def _folded(cells: Tensor) -> Tensor:
    """Two by two cells as one latent pixel."""
    return _each_frame(lambda frames: F.pixel_unshuffle(frames, FOLD), cells)


def _unfolded(latents: Tensor) -> Tensor:
    return _each_frame(lambda frames: F.pixel_shuffle(frames, FOLD), latents)


def _fetched(first: Float[Tensor, "b 3 1 h w"], origin: Float[Tensor, "b 2 f h w"]) -> Float[Tensor, "b 3 f h w"]:
    """Frame 0 as seen through origins; mirrored beyond its edges, so that what comes into view has content."""
    batch, _, frames, height, width = origin.shape
    rows = torch.arange(height, device=origin.device, dtype=origin.dtype)[:, None] + 0.5
    columns = torch.arange(width, device=origin.device, dtype=origin.dtype) + 0.5
    across = (origin[:, 0] + columns) * (2 / width) - 1
    down = (origin[:, 1] + rows) * (2 / height) - 1
    grid = torch.stack([across, down], -1).flatten(0, 1)
    pictures = first.transpose(1, 2).expand(-1, frames, -1, -1, -1).flatten(0, 1)
    seen = F.grid_sample(pictures, grid, mode="bicubic", padding_mode="reflection", align_corners=False)
    return seen.unflatten(0, (batch, frames)).transpose(1, 2)


def motion_of_cells(origin: Float[Tensor, "b 2 f h w"]) -> Float[Tensor, "b 2 f h4 w4"]:
    """The motion of each cell as latents have it."""
    return _compressed_motion(F.avg_pool3d(origin, (1, BLOCK, BLOCK)))


def _compressed_motion(motion: Tensor) -> Tensor:
    """Direction kept, length to its square root: small motions stand out of noise, noise makes no motion."""
    length = motion.square().sum(1, keepdim=True).sqrt()
    return torch.where(length >= STILL, motion * (MOTION_UNIT * length.clamp(min=STILL)).rsqrt(), 0.0)


def _expanded_motion(latents: Tensor) -> Tensor:
    return latents * latents.square().sum(1, keepdim=True).sqrt() * MOTION_UNIT


def _compressed(coefficients: Tensor) -> Tensor:
    """Sign kept, size to its square root: fine texture, a hundredth of a strong edge, stands out of noise."""
    return coefficients.sign() * (coefficients.abs() / DETAIL_UNIT).sqrt()


def _expanded(latents: Tensor) -> Tensor:
    return latents * latents.abs() * DETAIL_UNIT


def _compressed_picture(coefficients: Tensor) -> Tensor:
    means, details = coefficients[:, :MEANS], coefficients[:, MEANS:]
    return torch.cat([means * _mean_gains(means), _compressed(details)], 1)


def _expanded_picture(latents: Tensor) -> Tensor:
    means, details = latents[:, :MEANS], latents[:, MEANS:]
    return torch.cat([means / _mean_gains(means), _expanded(details)], 1)


def _mean_gains(like: Tensor) -> Tensor:
    return torch.tensor(MEAN_GAINS, device=like.device).view(1, -1, 1, 1, 1)
