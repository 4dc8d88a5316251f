"""From a folder of clips to windows of pixels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.progress import SilentProgress
from engine.recipe import ClipChoice
from engine.training.clip_dataset import ClipDataset, UnusableClips, open_clips
from engine.video.clip_reader import read_clip
from engine.video.clip_writer import write_clip
from registry_schema.clip_shape import ClipShape
from registry_schema.errors import NotFound
from tests.engine.training.drawn_clips import moving_square, write_clips, write_gif

SHAPE = ClipShape(frames=4, height=16, width=24, fps=8)


def dataset(folder, **choice) -> ClipDataset:
    return open_clips(folder, SHAPE, ClipChoice(**choice), seed=0, progress=SilentProgress())


def test_clips_come_in_the_order_of_their_names_whatever_the_disk_says(tmp_path):
    folder = tmp_path / "clips"
    folder.mkdir()
    for name in ("b", "c", "a"):
        write_gif(folder / f"{name}.gif", moving_square(6))
    found = dataset(folder)
    assert [clip.path.name for clip in found.clips] == ["a.gif", "b.gif", "c.gif"]
    assert found.digest == dataset(folder).digest


def test_the_digest_changes_with_the_clips_and_with_what_is_taken_of_them(tmp_path):
    folder = write_clips(tmp_path / "clips")
    before = dataset(folder).digest
    assert dataset(folder, sampling="head").digest != before
    write_gif(folder / "clip-0.gif", moving_square(9))
    assert dataset(folder).digest != before


def test_pixels_are_the_area_mean_of_the_central_part(tmp_path):
    folder = tmp_path / "clips"
    folder.mkdir()
    write_gif(folder / "a.gif", moving_square(4, height=40, width=48))
    found = dataset(folder)
    pixels = next(found.pixels(found.clips[0]))
    assert pixels.shape == (3, 4, 16, 24)
    assert pixels.dtype == torch.float32
    source = read_clip(folder / "a.gif").frames[1][4:36].astype(np.float64)
    expected = source.reshape(16, 2, 24, 2, 3).mean(axis=(1, 3)).transpose(2, 0, 1) / 127.5 - 1
    assert np.abs(pixels[:, 1].numpy() - expected).max() < 1.01 / 127.5


def test_a_film_at_24_frames_a_second_is_read_at_the_bases_8(tmp_path):
    folder = tmp_path / "clips"
    write_clip(moving_square(20), folder / "film.mp4", fps=24)
    found = dataset(folder, sampling="head")
    assert found.clips[0].windows[0].frames == (0, 3, 6, 9)
    pixels = next(found.pixels(found.clips[0]))
    red = pixels[0].amax(dim=1)
    assert [int((frame > 0.2).nonzero()[0]) for frame in red] == pytest.approx([0, 3, 6, 9], abs=1)


def test_a_large_film_is_shrunk_while_it_is_read(tmp_path):
    folder = tmp_path / "clips"
    write_clip(moving_square(4, height=200, width=240), folder / "film.mp4", fps=8)
    assert (dataset(folder).clips[0].facts.height, dataset(folder).clips[0].facts.width) == (80, 96)


def test_a_folder_of_frames_is_a_clip(tmp_path):
    from PIL import Image

    folder = tmp_path / "clips"
    (folder / "wave").mkdir(parents=True)
    for index, frame in enumerate(moving_square(6)):
        Image.fromarray(frame).save(folder / "wave" / f"{index:03d}.png")
    assert [clip.path.name for clip in dataset(folder).clips] == ["wave"]


def test_notes_and_hidden_files_are_not_clips(tmp_path):
    folder = write_clips(tmp_path / "clips", 1)
    (folder / "README.md").write_text("made by us")
    (folder / ".DS_Store").write_bytes(b"\0")
    assert len(dataset(folder).clips) == 1


def test_every_unusable_clip_is_named_with_its_reason(tmp_path):
    folder = write_clips(tmp_path / "clips", 2)
    write_gif(folder / "short.gif", moving_square(2))
    (folder / "torn.gif").write_bytes((folder / "clip-0.gif").read_bytes()[:200])
    (folder / "words.mp4").write_text("not a clip")
    with pytest.raises(UnusableClips) as caught:
        dataset(folder)
    assert {fault.path.name for fault in caught.value.faults} == {"short.gif", "torn.gif", "words.mp4"}
    assert caught.value.message.startswith("3 of 5 clips can not be used: `short.gif`: it lasts 0.2")
    assert "\n" not in caught.value.message
    assert "`torn.gif`: it is damaged after" in caught.value.message
    assert caught.value.exit_code == 2
    assert caught.value.hint


def test_a_file_that_is_no_clip_is_refused_not_skipped(tmp_path):
    folder = write_clips(tmp_path / "clips", 2)
    (folder / "song.mp3").write_bytes(b"ID3")
    with pytest.raises(UnusableClips, match=r"1 of 3 clips can not be used: `song\.mp3`: it is no clip"):
        dataset(folder)


@pytest.mark.parametrize("make", [lambda folder: None, lambda folder: folder.mkdir()])
def test_a_folder_that_is_missing_or_empty_is_said_so(tmp_path, make):
    make(tmp_path / "clips")
    with pytest.raises(NotFound, match="clips"):
        dataset(tmp_path / "clips")
