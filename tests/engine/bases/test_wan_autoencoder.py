"""Wan's autoencoder: causal in time, normalised channel by channel, the same every time."""

from __future__ import annotations

import pytest
import torch
from diffusers import AutoencoderKLWan

from engine.bases.wan_autoencoder import WanAutoencoder


@pytest.fixture(scope="module")
def autoencoder():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoencoderKLWan(base_dim=4, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1)
    return WanAutoencoder(model.requires_grad_(requires_grad=False).eval())


@pytest.fixture(scope="module")
def clip():
    return torch.rand(1, 3, 5, 32, 32, generator=torch.Generator().manual_seed(2)) * 2 - 1


def test_five_frames_are_two_latent_frames_and_come_back(autoencoder, clip):
    latents = autoencoder.encode(clip)
    assert latents.shape == (1, 16, 2, 4, 4)
    assert autoencoder.decode(latents).shape == clip.shape
    assert torch.equal(autoencoder.encode(clip), latents)


def test_the_photo_alone_has_the_first_latent_of_its_clip(autoencoder, clip):
    assert torch.allclose(autoencoder.encode(clip[:, :, :1]), autoencoder.encode(clip)[:, :, :1], atol=1e-5)


def test_latents_are_normalised_by_the_models_own_numbers(autoencoder, clip):
    raw = autoencoder.model.encode(clip).latent_dist.mode()
    config = autoencoder.model.config
    channel = 3
    expected = (raw[:, channel] - config.latents_mean[channel]) / config.latents_std[channel]
    assert torch.allclose(autoencoder.encode(clip)[:, channel], expected)
