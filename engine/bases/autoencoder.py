"""From pixels to latents and back: what a base needs of its autoencoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch

from engine.bases.memory_set import FRAMES_AT_ONCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from engine.bases.diffusers_types import AutoencoderModel


class FrameAutoencoder(Protocol):
    """Codes single pictures. Latents come out scaled as the denoiser wants them."""

    def encode(self, pixels: Tensor) -> Tensor:
        """Latents (n c h' w') of pixels (n 3 h w) in [-1, 1]; deterministic."""

    def decode(self, latents: Tensor) -> Tensor:
        """Pixels (n 3 h w) of latents (n c h' w')."""


class ClipAutoencoder(Protocol):
    """Codes whole clips; latent frames may be fewer than frames."""

    def encode(self, pixels: Tensor) -> Tensor:
        """Latents (b c f' h' w') of pixels (b 3 f h w) in [-1, 1]; deterministic."""

    def decode(self, latents: Tensor) -> Tensor:
        """Pixels (b 3 f h w) of latents (b c f' h' w')."""

    def origin(self, latents: Tensor) -> Tensor | None:
        """Where each pixel came from in frame 0, relative to it (b 2 f h w); None where latents do not say."""


class FrameByFrame:
    """A `ClipAutoencoder` that codes each frame by itself, a few at once."""

    def __init__(self, frames: FrameAutoencoder, *, at_once: int = FRAMES_AT_ONCE) -> None:
        self.frames = frames
        self._at_once = at_once

    def encode(self, pixels: Tensor) -> Tensor:
        """Latents of each frame."""
        return self._each(self.frames.encode, pixels)

    def decode(self, latents: Tensor) -> Tensor:
        """Pixels of each frame."""
        return self._each(self.frames.decode, latents)

    def origin(self, latents: Tensor) -> None:
        """Pictures by themselves do not say."""

    def _each(self, code: Callable[[Tensor], Tensor], clip: Tensor) -> Tensor:
        batch = clip.shape[0]
        frames = clip.transpose(1, 2).flatten(0, 1)
        coded = torch.cat([code(part) for part in frames.split(self._at_once)])
        return coded.unflatten(0, (batch, -1)).transpose(1, 2)


class KlAutoencoder:
    """diffusers' `AutoencoderKL` as a `FrameAutoencoder`.

    The mode of the posterior is taken, not a sample: the same photo gives the same clip.
    """

    def __init__(self, model: AutoencoderModel) -> None:
        self.model = model
        self._scale = float(model.config.scaling_factor)

    def encode(self, pixels: Tensor) -> Tensor:
        """Scaled latents."""
        return self.model.encode(pixels).latent_dist.mode() * self._scale

    def decode(self, latents: Tensor) -> Tensor:
        """Pixels of scaled latents."""
        return self.model.decode(latents / self._scale).sample
