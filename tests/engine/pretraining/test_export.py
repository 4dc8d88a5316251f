"""What an export changes in the weights."""

from __future__ import annotations

import torch

from engine.bases.motion_autoencoder import MotionAutoencoder
from engine.pretraining.export import sharpened

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
    assert gates(0.0)[:PICTURE].max() < 0.13
    assert gates(4.0)[:PICTURE].min() > 0.98


def test_gates_of_motion_stay_as_they_were():
    assert torch.equal(gates(0.0)[PICTURE:], torch.full((OWN - PICTURE,), 0.5))


def test_nothing_is_changed_in_place():
    weights = {"conv_out.weight": torch.ones(2 * OWN, 4, 3, 3), "conv_out.bias": torch.zeros(2 * OWN)}
    sharpened(weights)
    assert torch.equal(weights["conv_out.bias"], torch.zeros(2 * OWN))
