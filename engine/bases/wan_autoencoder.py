"""Wan's causal autoencoder: four frames in one latent frame, frame 0 by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from engine.bases.diffusers_types import AutoencoderModel


class WanAutoencoder:
    """diffusers' `AutoencoderKLWan` as a `ClipAutoencoder`; latents are normalised channel by channel.

    The mode of the posterior is taken, not a sample: the same photo gives the same clip.
    """

    def __init__(self, model: AutoencoderModel) -> None:
        self.model = model
        self._mean = _per_channel(model.config.latents_mean)
        self._deviation = _per_channel(model.config.latents_std)

    def encode(self, pixels: Tensor) -> Tensor:
        """Normalised latents."""
        latents = self.model.encode(pixels).latent_dist.mode()
        return (latents - self._mean.to(latents)) / self._deviation.to(latents)

    def decode(self, latents: Tensor) -> Tensor:
        """Pixels of normalised latents."""
        return self.model.decode(latents * self._deviation.to(latents) + self._mean.to(latents)).sample

    def origin(self, latents: Tensor) -> None:
        """Its latents do not say."""


def _per_channel(values: list[float]) -> Tensor:
    return torch.tensor(values).view(1, -1, 1, 1, 1)
