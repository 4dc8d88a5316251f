"""Gates of the picture are packaged otherwise than they were taught."""

from __future__ import annotations

import torch

from engine.bases.motion_autoencoder import MotionAutoencoder
from engine.pretraining.gates import sharpened, taught

PICTURE, OWN = MotionAutoencoder.picture_channels, MotionAutoencoder.channels


def gates(bias: float) -> torch.Tensor:
    """Of an output layer that says `bias` everywhere, after the export."""
    plain = {"conv_out.weight": torch.ones(2 * OWN, 4, 3, 3), "conv_out.bias": torch.full((2 * OWN,), bias)}
    layer = sharpened(plain)
    assert torch.equal(layer["conv_out.weight"][:OWN], plain["conv_out.weight"][:OWN])
    assert torch.equal(layer["conv_out.bias"][:OWN], plain["conv_out.bias"][:OWN])
    zeros = torch.zeros(1, 4, 5, 5)
    return torch.nn.functional.conv2d(zeros, layer["conv_out.weight"], layer["conv_out.bias"])[0, OWN:, 2, 2].sigmoid()


def test_half_open_gates_of_the_picture_all_but_close_and_sure_ones_stay_open():
    assert gates(0.0)[:PICTURE].max() < 0.01
    assert gates(6.0)[:PICTURE].min() > 0.98


def test_gates_of_motion_stay_as_they_were():
    assert torch.equal(gates(0.0)[PICTURE:], torch.full((OWN - PICTURE,), 0.5))


def test_nothing_is_changed_in_place():
    weights = {"conv_out.weight": torch.ones(2 * OWN, 4, 3, 3), "conv_out.bias": torch.zeros(2 * OWN)}
    sharpened(weights)
    assert torch.equal(weights["conv_out.bias"], torch.zeros(2 * OWN))


def test_training_goes_on_with_the_gates_as_they_were_taught():
    generator = torch.Generator().manual_seed(0)
    weights = {
        "conv_out.weight": torch.randn(2 * OWN, 4, 3, 3, generator=generator),
        "conv_out.bias": torch.randn(2 * OWN, generator=generator),
        "conv_in.weight": torch.randn(4, 5, 3, 3, generator=generator),
    }
    back = taught(sharpened(weights))
    assert back.keys() == weights.keys()
    for name, value in weights.items():
        torch.testing.assert_close(back[name], value)


def test_a_denoiser_without_gates_stays_as_it_is():
    weights = {"conv_out.weight": torch.ones(OWN, 4, 3, 3), "conv_out.bias": torch.ones(OWN)}
    assert all(torch.equal(value, weights[name]) for name, value in taught(weights).items())
