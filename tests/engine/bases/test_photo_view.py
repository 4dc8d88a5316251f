"""The photo beside every frame, for denoisers that take it there."""

from __future__ import annotations

import pytest
import torch

from engine.bases.image_encoder import ImageEncoder
from engine.bases.motion_autoencoder import MotionAutoencoder
from engine.bases.photo_view import PhotoView
from tests.photographs import at_size

CODER = MotionAutoencoder()
PICTURE, OWN = MotionAutoencoder.picture_channels, MotionAutoencoder.channels
THINGS, MOTIONS = 3, 2


@pytest.fixture
def encoder() -> ImageEncoder:
    torch.manual_seed(0)
    return ImageEncoder(THINGS, MOTIONS).eval()


def noisy(frames: int = 3) -> torch.Tensor:
    """Noise after a clean photo."""
    photo = torch.from_numpy(at_size("coffee", 128, 80).copy()).permute(2, 0, 1)[None, :, None] / 127.5 - 1
    noise = torch.randn(1, OWN, frames - 1, 10, 16, generator=torch.Generator().manual_seed(0))
    return torch.cat([CODER.encode(photo), noise], 2)


def test_every_frame_has_the_picture_channels_of_frame_0_behind_its_own():
    given = noisy()
    wide = PhotoView(CODER, None).beside(given)
    assert wide.shape == (1, OWN + PICTURE, 3, 10, 16)
    assert torch.equal(wide[:, :OWN], given)
    for frame in range(3):
        assert torch.equal(wide[:, OWN:, frame], given[:, :PICTURE, 0])


def test_what_the_encoder_says_of_the_photo_stands_behind_that(encoder):
    given = noisy()
    wide = PhotoView(CODER, encoder).beside(given)
    said = wide[:, OWN + PICTURE :]
    assert said.shape == (1, 4 * encoder.channels, 3, 10, 16)
    photo = CODER.decode(given[:, :, :1])[:, :, 0].clamp(-1, 1)
    cells = torch.nn.functional.pixel_shuffle(said[:, :, 2], 2)
    torch.testing.assert_close(cells, encoder.see(photo), rtol=0, atol=1e-6)


def test_the_masks_of_a_clip_see_its_photo_not_their_own_frame_0(encoder):
    pictures, masks = noisy(), noisy() * 0.5
    rows = torch.cat([pictures, masks, pictures.flip(-1), masks])  # two clips of two streams
    view = PhotoView(CODER, encoder)
    seen = view.beside(rows, streams=2)
    assert torch.equal(seen[:, :OWN], rows)
    for clip, photo in ((0, pictures), (2, pictures.flip(-1))):
        alone = view.beside(photo)[0, OWN:]
        assert torch.allclose(seen[clip, OWN:], alone, atol=1e-6)
        assert torch.equal(seen[clip + 1, OWN:], seen[clip, OWN:])


def test_later_frames_change_nothing_of_the_view(encoder):
    view = PhotoView(CODER, encoder)
    one, other = noisy(), noisy()
    other[:, :, 1:] += 1
    assert torch.equal(view.beside(one)[:, OWN:], view.beside(other)[:, OWN:])


def test_things_are_never_negative_and_motions_may_be(encoder):
    seen = encoder.see(torch.rand(2, 3, 80, 128, generator=torch.Generator().manual_seed(0)) * 2 - 1)
    assert seen.shape == (2, THINGS + MOTIONS, 20, 32)
    assert seen[:, :THINGS].min() >= 0
    assert seen[:, THINGS:].min() < 0


def test_an_encoder_comes_back_from_its_folder(encoder, tmp_path):
    encoder.half().float().save(tmp_path / "image_encoder")
    photo = torch.zeros(1, 3, 32, 48)
    assert torch.equal(ImageEncoder.load(tmp_path / "image_encoder").see(photo), encoder.see(photo))


def test_what_sees_the_photo_goes_where_a_base_computes(encoder):
    PhotoView(CODER, encoder).to(torch.device("meta"))
    assert {tensor.device.type for tensor in encoder.parameters()} == {"meta"}
