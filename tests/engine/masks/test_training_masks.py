"""Masks beside training clips: where they lie, what is checked, and how they are made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

from engine.mask_requests import Box, ClipMasksRequest, MaskHints
from engine.masks.clip_masks import mask_clips
from engine.masks.cutting import soft_iou
from engine.masks.mask_files import write_clip_mask
from engine.masks.training_masks import UnusableMasks, masked_clips, place_of_masks, read_training_masks
from engine.pretraining.starter_clips import write_clips
from engine.video.clip_reader import read_clip
from engine.video.clip_writer import write_clip
from registry_schema.errors import NotFound, UsageProblem

if TYPE_CHECKING:
    from pathlib import Path

SIZE, FRAMES = 48, 4


def moving_disc() -> tuple[np.ndarray, torch.Tensor]:
    """Frames of a red disc that moves over grey noise, and its masks."""
    ground = np.random.default_rng(0).integers(90, 130, (SIZE, SIZE, 1), dtype=np.uint8).repeat(3, axis=2)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    masks = np.stack([np.hypot(rows - 24, columns - 16 - 3 * place) < 9 for place in range(FRAMES)])
    frames = np.where(masks[..., None], np.array([220, 40, 30], dtype=np.uint8), ground[None])
    return frames, torch.from_numpy(masks.astype(np.float32))


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """A folder with one clip."""
    write_clip(moving_disc()[0], tmp_path / "clips" / "disc.apng", fps=8)
    return tmp_path / "clips"


def put(clips: Path, masks: torch.Tensor) -> None:
    write_clip_mask(masks, place_of_masks(clips / "disc.apng"), fps=8)


def test_masks_come_back_as_they_were_written_at_any_size(clips: Path):
    masks = moving_disc()[1] * torch.linspace(0.4, 1, FRAMES)[:, None, None]
    put(clips, masks)
    assert masked_clips(clips) == [clips / "disc.apng"]
    read = read_training_masks(clips)[clips / "disc.apng"]
    assert torch.allclose(read.read(), masks, atol=0.5 / 255)
    half = read.read((24, 16))
    assert half.shape == (FRAMES, 16, 24)
    assert torch.allclose(half.mean((1, 2)), masks.mean((1, 2)), atol=0.01)


def test_a_folder_of_numbered_pictures_is_read_in_the_order_of_its_numbers(clips: Path):
    masks = moving_disc()[1]
    folder = clips / "masks" / "disc"
    folder.mkdir(parents=True)
    for place, number in enumerate((1, 2, 9, 10)):
        Image.fromarray((masks[place].numpy() * 255).astype(np.uint8)).save(folder / f"{number}_mask.png")
    assert torch.equal(read_training_masks(clips)[clips / "disc.apng"].read(), masks)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda masks: masks[:3], "has 3 masks, the clip has 4 frames"),
        (lambda masks: masks[:, :24], "has 48x24 pixels, the clip 48x48: another shape"),
        (torch.zeros_like, "is black all over: nothing would move"),
        (torch.ones_like, "is white all over: everything would move"),
        (lambda masks: 1 - masks, "seems to be inverted"),
    ],
    ids=["count", "size", "empty", "full", "inverted"],
)
def test_what_is_wrong_is_said_with_the_clip(clips: Path, change, reason: str):
    put(clips, change(moving_disc()[1]))
    with pytest.raises(UnusableMasks) as problem:
        read_training_masks(clips)
    assert problem.value.message.startswith("1 of 1 clip has no masks that can be used: `disc.apng`: `masks/disc.apng`")
    assert reason in problem.value.message
    assert problem.value.hint


def test_all_clips_without_masks_are_named_at_once(clips: Path):
    for name in ("gull.apng", "tern.gif", "tern.apng"):
        write_clip(moving_disc()[0], clips / name, fps=8)
    put(clips, moving_disc()[1])
    with pytest.raises(UnusableMasks) as problem:
        read_training_masks(clips)
    assert [fault.clip.name for fault in problem.value.faults] == ["gull.apng", "tern.apng", "tern.gif"]
    assert "`gull.apng`: nothing called `masks/gull` is there" in problem.value.message
    assert "`tern.gif`: another clip has the same name" in problem.value.message
    (clips / "empty").mkdir()
    with pytest.raises(NotFound, match="holds no clips"):
        read_training_masks(clips / "empty")


def test_a_box_in_the_first_frame_is_followed_through_the_clip(clips: Path):
    request = ClipMasksRequest(clips=clips, subject=None, hints=MaskHints(boxes=(Box(5, 13, 22, 22),)), preview=True)
    (result,) = mask_clips(request)
    assert (result.frames, result.written) == (FRAMES, True)
    assert (clips / "masks" / "disc.preview.webp").exists()
    masks = read_training_masks(clips)[clips / "disc.apng"].read()
    for found, true in zip(masks, moving_disc()[1], strict=True):
        assert soft_iou(found, true) > 0.85
    (kept,) = mask_clips(request)
    assert (kept.written, kept.source) == (False, "file")


def test_a_box_shows_the_subject_of_one_clip(clips: Path):
    write_clip(moving_disc()[0], clips / "other.apng", fps=8)
    request = ClipMasksRequest(clips=clips, subject=None, hints=MaskHints(boxes=(Box(5, 13, 22, 22),)))
    with pytest.raises(UsageProblem, match=r"show the subject of one clip, .* holds 2") as problem:
        mask_clips(request)
    assert "mivactl mask" in str(problem.value.hint)


def test_starter_clips_bring_their_exact_masks(tmp_path: Path):
    write_clips("horse-running", tmp_path, count=1, masks=True)
    ((clip, mask),) = read_training_masks(tmp_path).items()
    frames, masks = read_clip(clip).frames, mask.read()
    assert masks.shape == frames.shape[:3]
    changed = torch.from_numpy(np.abs(np.diff(frames.astype(np.float32), axis=0)).max((0, 3))) > 8
    assert float(changed[masks.amax(0) > 0.5].float().mean()) > 5 * float(changed[masks.amax(0) == 0].float().mean())
