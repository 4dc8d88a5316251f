"""A mask from a file a person has: what is understood, what is noted, what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

from engine.masks.cutting import soft_iou
from engine.masks.mask_file import photo_cutout, read_mask
from engine.video.photo import Photo, open_photo
from registry_schema.errors import IntegrityProblem, NotFound, UsageProblem

if TYPE_CHECKING:
    from pathlib import Path

SIZE = (96, 64)


@pytest.fixture
def disc() -> np.ndarray:
    rows, columns = np.mgrid[:64, :96]
    return np.hypot(rows - 30, columns - 50) < 15


@pytest.fixture
def photo(tmp_path: Path) -> Photo:
    random = np.random.default_rng(0)
    small = random.integers(0, 255, (8, 12, 3), dtype=np.uint8)
    Image.fromarray(small).resize(SIZE, Image.Resampling.BICUBIC).save(tmp_path / "photo.png")
    return open_photo(tmp_path / "photo.png")


def saved(pixels: np.ndarray, path: Path, **options: object) -> Path:
    Image.fromarray(pixels).save(path, **options)
    return path


def as_mask(disc: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(disc.astype(np.float32))


def test_a_grey_mask_comes_back_level_by_level(tmp_path: Path, photo: Photo):
    levels = np.tile(np.arange(96, dtype=np.uint8) * 2, (64, 1))
    found = read_mask(saved(levels, tmp_path / "mask.png"), photo)
    assert torch.allclose(found.mask, torch.from_numpy(levels.astype(np.float32) / 255), atol=1e-6)
    assert (found.confidence, found.notes) == (1.0, ())
    turned = read_mask(tmp_path / "mask.png", photo, inverted=True)
    assert torch.allclose(turned.mask, 1 - found.mask)


def test_the_mask_of_a_cut_out_is_its_alpha(tmp_path: Path, photo: Photo, disc: np.ndarray):
    cutout = np.dstack([photo.pixels, disc.astype(np.uint8) * 255])
    path = saved(cutout, tmp_path / "cutout.png")
    assert torch.equal(read_mask(path, photo).mask, as_mask(disc))
    own = photo_cutout(open_photo(path))
    assert own is not None
    assert torch.equal(own.mask, as_mask(disc))
    assert photo_cutout(photo) is None


@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 255, 80), (255, 255, 255)])
@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_paint_over_the_photo_is_the_mask_whatever_its_colour(
    tmp_path: Path, photo: Photo, disc: np.ndarray, colour: tuple[int, int, int], suffix: str
):
    painted = photo.pixels.copy()
    painted[disc] = colour
    path = saved(painted, tmp_path / f"painted{suffix}", **({"quality": 85} if suffix == ".jpg" else {}))
    assert soft_iou(read_mask(path, photo).mask, as_mask(disc)) > 0.85


def test_a_mask_of_another_size_is_resized_and_a_note_says_so(tmp_path: Path, photo: Photo, disc: np.ndarray):
    grey = Image.fromarray(disc.astype(np.uint8) * 255)
    grey.resize((48, 32), Image.Resampling.BOX).save(tmp_path / "half.png")
    half = read_mask(tmp_path / "half.png", photo)
    assert half.mask.shape == (64, 96)
    assert soft_iou(half.mask, as_mask(disc)) > 0.85
    assert half.notes == ("mask `half.png` has 48x32 pixels, the photo 96x64: it was resized",)
    grey.resize((64, 64)).save(tmp_path / "square.png")
    square = read_mask(tmp_path / "square.png", photo)
    assert square.notes == ("mask `square.png` has 64x64 pixels, the photo 96x64: it was stretched to another shape",)
    assert soft_iou(square.mask, as_mask(disc)) > 0.85


def test_an_empty_mask_is_refused_full_and_inverted_ones_are_noticed(tmp_path: Path, photo: Photo, disc: np.ndarray):
    with pytest.raises(UsageProblem, match=r"mask `black.png` is black all over: nothing would move"):
        read_mask(saved(np.zeros((64, 96), dtype=np.uint8), tmp_path / "black.png"), photo)
    full = read_mask(saved(np.full((64, 96), 255, dtype=np.uint8), tmp_path / "white.png"), photo)
    assert "is white all over" in full.notes[0]
    inverted = read_mask(saved((~disc).astype(np.uint8) * 255, tmp_path / "inverted.png"), photo)
    assert "seems to be inverted" in inverted.notes[0]
    sky = np.zeros((64, 96), dtype=np.uint8)
    sky[:40] = 255
    assert read_mask(saved(sky, tmp_path / "sky.png"), photo).notes == ()


def test_what_is_no_mask_is_refused_with_a_way_out(tmp_path: Path, photo: Photo):
    random = np.random.default_rng(5).integers(0, 255, (64, 96, 3), dtype=np.uint8)
    with pytest.raises(UsageProblem, match=r"is in colour and is not the photo `photo.png` with paint over") as told:
        read_mask(saved(random, tmp_path / "other.png"), photo)
    assert "black and white" in str(told.value.hint)
    with pytest.raises(NotFound):
        read_mask(tmp_path / "missing.png", photo)
    (tmp_path / "text.png").write_text("mask")
    with pytest.raises(UsageProblem):
        read_mask(tmp_path / "text.png", photo)
    whole = saved(np.full((64, 96), 255, dtype=np.uint8), tmp_path / "torn.png").read_bytes()
    (tmp_path / "torn.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(IntegrityProblem):
        read_mask(tmp_path / "torn.png", photo)
