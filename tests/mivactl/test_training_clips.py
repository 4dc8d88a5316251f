"""`clips`, `camera` and what `train` says of clips, at the command line."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from engine.video.clip_writer import write_clip
from tests.engine.training.faulty_clips import EXPECTED, drift, write_faulty_clips
from tests.photographs import photograph

if TYPE_CHECKING:
    from pathlib import Path

    from tests.mivactl.world import World

GOOD_AND_STILL = """\
clip        verdict   frames  seconds     size  windows
moves.apng  good          16     2.00  160x100        1
still.apng  doubtful      16     2.00  160x100        1
still.apng: static: nothing moves in it
  remedy: use a clip that shows the motion, unless it shall rest
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A good clip, and one in which nothing moves."""
    clips = tmp_path / "clips"
    film = drift("china", 16, width=160, height=100)
    write_clip(film, clips / "moves.apng", fps=8)
    write_clip(np.repeat(film[:1], 16, axis=0), clips / "still.apng", fps=8)
    return clips


def test_doubtful_clips_are_named_and_count_only_where_that_is_asked(world: World, folder: Path):
    assert world.ok("clips", folder).out == GOOD_AND_STILL
    said = world.mivactl("clips", folder, "--strict")
    assert (said.exit_code, said.out) == (1, GOOD_AND_STILL)
    assert said.err.startswith("error: 1 of 2 clips can not be used or are doubtful: `still.apng`\n")
    (folder / "still.apng").unlink()
    assert world.ok("clips", folder, "--strict").out.splitlines()[1].split()[:2] == ["moves.apng", "good"]


def test_one_fault_of_each_kind_is_named_with_exit_code_1(world: World, tmp_path: Path):
    faulty = write_faulty_clips(tmp_path / "clips")
    said = world.mivactl("clips", faulty, "--json", "--sheet", tmp_path / "clips.png")
    assert said.exit_code == 1
    told = {
        clip["file"]: (clip["verdict"], tuple(finding["kind"] for finding in clip["findings"]))
        for clip in said.data["clips"]
    }
    assert told == EXPECTED
    assert said.error["code"] == "bad-clips"
    assert said.error["message"].startswith("5 of 15 clips can not be used: ")
    with Image.open(tmp_path / "clips.png") as sheet:
        assert sheet.format == "PNG"


def test_the_verdict_is_that_of_the_recipe_a_person_will_train_with(world: World, tmp_path: Path):
    write_clip(drift("china", 12, width=160, height=100), tmp_path / "clips" / "short.apng", fps=8)
    assert world.mivactl("clips", tmp_path / "clips").exit_code == 1
    (tmp_path / "recipe.toml").write_text('[clips]\nspeed = "stride"\n')
    assert world.mivactl("clips", tmp_path / "clips", "--recipe", tmp_path / "recipe.toml").exit_code == 1
    write_clip(drift("china", 17, width=160, height=100), tmp_path / "clips" / "short.apng", fps=24)
    assert world.mivactl("clips", tmp_path / "clips").exit_code == 1
    assert world.ok("clips", tmp_path / "clips", "--set", "clips.speed=stride").out.count("good") == 1


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("clips", "missing"), 3, "`missing` is not a folder"),
        (("clips", "."), 3, "`.` holds no clips"),
        (("clips", ".", "--base", "nanno"), 3, "nanno"),
        (("clips", ".", "--set", "clips.crop=left"), 2, '`clips.crop` is `"left"`'),
        (("clips", ".", "--sheet", "a.pdf"), 2, "`a.pdf` is no picture"),
        (("camera", "missing", "--motion", "roll", "-o", "out"), 3, "`missing` is not a folder"),
        (("camera", ".", "--motion", "orbit", "-o", "out"), 2, "no camera motion `orbit`"),
        (("camera", ".", "--motion", "roll", "-o", "out", "--count", "0"), 2, "`--count 0`"),
        (("camera", ".", "--motion", "roll", "-o", "out", "--format", "avi"), 2, "no format `avi`"),
    ],
)
def test_what_can_not_be_done_is_said(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: int, message: str
):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    said = world.mivactl(*arguments)
    assert said.exit_code == code
    assert message in said.err
    assert os.listdir(tmp_path / "empty") == []  # noqa: PTH208


def test_a_camera_motion_is_filmed_and_its_clips_are_good(world: World, tmp_path: Path):
    (tmp_path / "photos").mkdir()
    Image.fromarray(photograph("flower")).save(tmp_path / "photos" / "flower.png")
    said = world.ok("camera", tmp_path / "photos", "--motion", "pan-up", "-o", tmp_path / "up", "--count", 2)
    assert said.out == f"{tmp_path / 'up'}\n"
    assert "2 clips of 1 photos" in said.err
    assert f"next: mivactl train {tmp_path / 'up'} --recipe {tmp_path / 'up' / 'camera-recipe.toml'}" in said.err
    assert world.ok("clips", tmp_path / "up", "--strict").out.count("good") == 2
    made = world.ok("camera", tmp_path / "photos", "--motion", "roll", "-o", tmp_path / "roll", "--count", 1, "--json")
    assert (made.data["clips"], made.data["pictures"]) == (1, 1)
