"""`nano`'s autoencoder: orthonormal, without block edges, and true to photographs it has never seen."""

from __future__ import annotations

import pytest
import torch

from engine.bases.patch_autoencoder import PatchAutoencoder, lapped_transform, opponent_colours
from tests.photographs import NAMES, at_size


def pixels(name: str) -> torch.Tensor:
    return torch.from_numpy(at_size(name, 128, 80).copy()).permute(2, 0, 1)[None] / 127.5 - 1


def psnr(name: str) -> float:
    """Of a decoded photograph at base size, in decibels, rounded to 8 bits as a clip's frames are."""
    autoencoder, photo = PatchAutoencoder(), pixels(name)
    decoded = ((autoencoder.decode(autoencoder.encode(photo)).clamp(-1, 1) + 1) * 127.5).round()
    error = (decoded - (photo + 1) * 127.5).square().mean()
    return float(10 * torch.log10(255**2 / error))


@pytest.mark.parametrize("length", [4, 8, 80, 128])
def test_the_transform_is_orthonormal(length):
    matrix = lapped_transform(length)
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(length, dtype=torch.float64), atol=1e-12, rtol=0)
    colours = opponent_colours()
    torch.testing.assert_close(colours @ colours.T, torch.eye(3, dtype=torch.float64), atol=1e-12, rtol=0)


def test_encoding_what_was_decoded_changes_nothing():
    autoencoder = PatchAutoencoder()
    latents = torch.randn(2, 16, 20, 32)
    torch.testing.assert_close(autoencoder.encode(autoencoder.decode(latents)), latents, atol=1e-5, rtol=0)


def test_an_error_in_the_latents_is_as_large_in_the_picture():
    autoencoder = PatchAutoencoder(scale=0.5)
    change = torch.randn(1, 16, 20, 32)
    moved = autoencoder.decode(change)
    torch.testing.assert_close(moved.norm(), change.norm() / 0.5, rtol=1e-5, atol=0)


def test_a_single_latent_pixel_shows_no_block_edge():
    """Its picture fades out over eight pixels: neighbours never differ by more than half of its peak."""
    latents = torch.zeros(1, 16, 20, 32)
    latents[0, 0, 10, 16] = 1
    spot = PatchAutoencoder().decode(latents)[0, 0]
    steps = torch.cat([spot.diff(dim=0).abs().flatten(), spot.diff(dim=1).abs().flatten()])
    assert steps.max() < 0.5 * spot.abs().max()
    assert (spot.abs() > 0.02 * spot.abs().max()).any(dim=1).sum() == 8


def test_photographs_survive_at_base_size():
    found = {name: psnr(name) for name in NAMES}
    assert min(found.values()) >= 26, found
    assert sum(found.values()) / len(found) >= 29, found


def test_save_and_load_agree(tmp_path):
    PatchAutoencoder(scale=0.25).save(tmp_path)
    assert PatchAutoencoder.load(tmp_path).scale == 0.25
