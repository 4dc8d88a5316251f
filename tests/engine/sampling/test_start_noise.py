"""Start noise that knows the photo (MIVA Alg. 1)."""

from __future__ import annotations

import math

import pytest
import torch

from engine.sampling.schedule import Level
from engine.sampling.start_noise import cosine_basis, low_coefficients, low_pass, start_latents
from registry_schema.sampling import StartNoise

LEVEL = Level(signal=0.0787, noise=math.sqrt(1 - 0.0787**2))
FRAMES, HEIGHT, WIDTH = 5, 10, 16


@pytest.fixture
def first():
    return torch.randn(2, 3, 1, HEIGHT, WIDTH, dtype=torch.float64)


@pytest.fixture
def noise():
    return torch.randn(2, 3, FRAMES, HEIGHT, WIDTH, dtype=torch.float64)


def test_frame_zero_is_the_photo(first, noise):
    for start in (None, StartNoise()):
        assert torch.equal(start_latents(first, noise, start=start, level=LEVEL)[:, :, :1], first)


def test_without_sharing_and_low_frequencies_it_is_pure_noise(first, noise):
    for start in (None, StartNoise(shared=0.0, low_pass=0.0)):
        assert torch.equal(start_latents(first, noise, start=start, level=LEVEL)[:, :, 1:], noise[:, :, 1:])


def test_with_all_frequencies_it_is_the_noised_photo(first, noise):
    start = StartNoise(shared=0.0, low_pass=1.0)
    expected = LEVEL.signal * first + LEVEL.noise * noise[:, :, 1:]
    assert torch.allclose(start_latents(first, noise, start=start, level=LEVEL)[:, :, 1:], expected)


def test_shared_noise_is_that_of_frame_zero(first, noise):
    start = StartNoise(shared=0.05, low_pass=0.0)
    expected = 0.05 * noise[:, :, :1] + 0.95 * noise[:, :, 1:]
    assert torch.allclose(start_latents(first, noise, start=start, level=LEVEL)[:, :, 1:], expected)


@pytest.mark.parametrize("shape", ["rectangle", "triangle"])
def test_the_two_dimensional_form_is_the_three_dimensional_one(noise, shape):
    start = StartNoise(low_pass=0.4, shape=shape)
    along, down, across = cosine_basis(FRAMES), cosine_basis(HEIGHT), cosine_basis(WIDTH)
    transformed = torch.einsum("tf,yh,xw,bcfhw->bctyx", along, down, across, noise)
    kept = low_coefficients(HEIGHT, WIDTH, start)
    mask = torch.zeros(HEIGHT, WIDTH)
    mask[: kept.shape[0], : kept.shape[1]] = kept
    back = torch.einsum("tf,yh,xw,bctyx->bcfhw", along, down, across, transformed * mask)
    assert torch.allclose(low_pass(noise, start), back)


def test_the_basis_is_orthonormal_and_starts_with_a_constant():
    basis = cosine_basis(13)
    assert torch.allclose(basis @ basis.T, torch.eye(13, dtype=torch.float64))
    assert torch.allclose(basis[0], torch.full((13,), 13**-0.5, dtype=torch.float64))


def test_the_papers_share_of_coefficients():
    assert low_coefficients(40, 64, StartNoise()).shape == (9, 14)
    assert low_coefficients(60, 104, StartNoise()).shape == (13, 23)
    triangle = low_coefficients(40, 64, StartNoise(low_pass=0.3, shape="triangle"))
    assert triangle.sum() / (40 * 64) == pytest.approx(0.05, abs=0.002)
