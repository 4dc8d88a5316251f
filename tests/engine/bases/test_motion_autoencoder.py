"""`nano`'s clip autoencoder: what stands still costs nothing, what moves is carried, noise moves nothing."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from engine.bases.motion_autoencoder import MotionAutoencoder
from tests.photographs import NAMES, at_size

CODER = MotionAutoencoder()


def photo(name: str) -> torch.Tensor:
    """1 3 1 h w in [-1, 1], at nano's size."""
    return torch.from_numpy(at_size(name, 128, 80).copy()).permute(2, 0, 1)[None, :, None] / 127.5 - 1


def still(name: str, frames: int = 4) -> torch.Tensor:
    return photo(name).expand(-1, -1, frames, -1, -1).contiguous()


def slid(name: str, pixels: int, frames: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    """A clip whose content moves right by `pixels` a frame, mirrored at the edge, and its origins."""
    wide = F.pad(photo(name)[:, :, 0], (pixels * frames, 0, 0, 0), mode="reflect")
    starts = [pixels * (frames - place) for place in range(frames)]
    clip = torch.stack([wide[..., start : start + 128] for start in starts], 2)
    origin = torch.zeros(1, 2, frames, 80, 128)
    origin[:, 0] = -pixels * torch.arange(frames)[:, None, None]
    return clip, origin


def psnr(one: torch.Tensor, other: torch.Tensor) -> float:
    return float(10 * torch.log10(4 / (one - other).square().mean()))


def test_latents_have_the_promised_shape():
    assert CODER.encode(still("coffee")).shape == (1, CODER.channels, 4, 80 // CODER.spatial, 128 // CODER.spatial)


def test_a_clip_that_stands_still_is_zero_after_frame_0():
    latents = CODER.encode(still("coffee"))
    assert torch.count_nonzero(latents[:, :, 1:]) == 0
    decoded = CODER.decode(latents)
    torch.testing.assert_close(decoded, decoded[:, :, :1].expand_as(decoded), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", NAMES)
def test_frame_0_is_coded_as_a_picture_is(name: str):
    assert psnr(CODER.decode(CODER.encode(photo(name))), photo(name)) > 30


@pytest.mark.parametrize("pixels", [1, 4])
def test_a_known_motion_is_given_back_exactly(pixels: int):
    clip, origin = slid("china", pixels)
    found = CODER.origin(CODER.encode_moving(clip, origin))
    torch.testing.assert_close(found, origin, atol=1e-4, rtol=0)


def test_motion_carries_detail_that_the_residual_does_not_have():
    """Without its motion, a sliding picture would have to be coded anew."""
    clip, origin = slid("coffee", 3)
    latents = CODER.encode_moving(clip, origin)
    explained = CODER.encode_moving(clip, torch.zeros_like(origin))
    residual = slice(0, CODER.channels - 8)
    assert latents[:, residual, 1:].square().mean() < 0.5 * explained[:, residual, 1:].square().mean()
    assert psnr(CODER.decode(latents), clip) > 30


def test_an_estimated_motion_does_as_well_as_a_known_one():
    clip, origin = slid("coffee", 2)
    estimated = CODER.origin(CODER.encode(clip))
    inside = (slice(None), slice(None), slice(1, None), slice(8, -8), slice(16, -8))
    assert (estimated - origin)[inside].abs().median() < 0.2
    assert psnr(CODER.decode(CODER.encode(clip)), clip) > 28


def test_new_content_is_in_the_residual():
    clip = still("china")
    clip[:, :, 2:, 20:44, 40:80] = 0.9
    decoded = CODER.decode(CODER.encode_moving(clip, torch.zeros(1, 2, 4, 80, 128)))
    assert psnr(decoded, clip) > 26


def test_noise_in_the_latents_moves_nothing_and_shows_nothing():
    """A twentieth of the unit, ten times what a trained denoiser leaves on still ground."""
    latents = CODER.encode(still("coffee"))
    noisy = latents.clone()
    noisy[:, :, 1:] += 0.05 * torch.randn(noisy[:, :, 1:].shape, generator=torch.Generator().manual_seed(0))
    assert CODER.origin(noisy).abs().max() < 0.1
    assert psnr(CODER.decode(noisy), CODER.decode(latents)) > 45


@pytest.mark.parametrize("edge", [60, 61, 62, 63])
def test_a_motion_ends_at_an_edge_of_the_picture(edge: int):
    """What is bright moves and what is dark stands still, wherever in a cell of four pixels one ends."""
    clip, origin = torch.full((1, 3, 2, 80, 128), -0.5), torch.zeros(1, 2, 2, 80, 128)
    clip[..., edge:] = 0.5
    origin[:, 1, 1, :, edge:] = -6
    found = CODER.origin(CODER.encode_moving(clip, origin))[0, 1, 1, 40]
    assert found[: edge - 1].abs().max() < 0.3
    assert (found[edge + 4 :] + 6).abs().max() < 0.3
    assert found[edge - 2 : edge + 3].diff().abs().max() > 3


def test_save_and_load_agree(tmp_path):
    CODER.save(tmp_path)
    loaded = MotionAutoencoder.load(tmp_path)
    assert torch.equal(loaded.encode(photo("coffee")), CODER.encode(photo("coffee")))
