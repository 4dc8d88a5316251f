"""The photo beside every frame, for denoisers that take it there."""

from __future__ import annotations

import torch

from engine.bases.unet_motion import beside_frame_0

NOISY = torch.randn(2, 6, 3, 4, 5, generator=torch.Generator().manual_seed(0))


def test_a_denoiser_that_takes_no_more_gets_the_latents_as_they_are():
    assert beside_frame_0(NOISY, 6) is NOISY


def test_the_first_channels_of_frame_0_stand_behind_those_of_every_frame():
    wide = beside_frame_0(NOISY, 10)
    assert wide.shape == (2, 10, 3, 4, 5)
    assert torch.equal(wide[:, :6], NOISY)
    for frame in range(3):
        assert torch.equal(wide[:, 6:, frame], NOISY[:, :4, 0])
