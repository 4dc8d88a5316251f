"""Camera motions: what is filmed moves as it was asked to, exactly; nothing is enlarged; training takes it."""

from __future__ import annotations

import json
import math
import tomllib
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from engine.clip_requests import CAMERA_MOTIONS, CameraRequest
from engine.progress import SilentProgress
from engine.recipe import recipe_from_toml
from engine.training.camera_clips import RECIPE_NAME, SET_NAME, make_camera_clips
from engine.training.camera_film import film
from engine.training.camera_path import PAN, ROLL, ZOOM, NoRoom, camera_path
from engine.training.clip_dataset import open_clips
from engine.training.clip_folder import UnusableFiles
from engine.video.clip_reader import read_clip
from engine.video.framing import Size
from engine.video.optical_flow import flow
from registry_schema.clip_shape import ClipShape
from registry_schema.errors import NotFound, UsageProblem
from tests.engine.video.drawn_motion import textured
from tests.photographs import photograph

if TYPE_CHECKING:
    from pathlib import Path

SHAPE = ClipShape(frames=8, height=80, width=128, fps=8)
FRAME = Size(128, 80)
PICTURE = Size(600, 400)
BORDER = 8


def path_of(motion, *, picture=PICTURE, amount=0.5, seed=0, frames=8):
    draws = np.random.default_rng(seed)
    return camera_path(motion, picture, FRAME, frames=frames, amount=amount, draws=draws)


def expected_flow(before, after):
    """Where each pixel of a frame goes when the camera's view changes: by the geometry of the two views alone."""
    rows, columns = np.mgrid[0 : FRAME.height, 0 : FRAME.width] + 0.5
    scale = before.width / FRAME.width
    x, y = (columns - FRAME.width / 2) * scale, (rows - FRAME.height / 2) * scale
    at = np.stack(
        [
            before.x + x * math.cos(before.turn) - y * math.sin(before.turn) - after.x,
            before.y + x * math.sin(before.turn) + y * math.cos(before.turn) - after.y,
        ]
    )
    x = at[0] * math.cos(after.turn) + at[1] * math.sin(after.turn)
    y = at[1] * math.cos(after.turn) - at[0] * math.sin(after.turn)
    zoom = FRAME.width / after.width
    return np.stack([x * zoom + FRAME.width / 2 - columns, y * zoom + FRAME.height / 2 - rows], axis=-1)


@pytest.mark.parametrize("motion", CAMERA_MOTIONS)
def test_the_optical_flow_is_what_the_path_says(motion):
    picture = textured(600, 400)
    path = path_of(motion, amount=0.8)
    frames = film(picture, path, FRAME)
    assert frames.shape == (8, 80, 128, 3)
    for index in (0, 3, 6):
        found = flow(frames[index], frames[index + 1])
        wanted = expected_flow(path[index], path[index + 1])
        off = np.hypot(*np.moveaxis(found - wanted, -1, 0))[BORDER:-BORDER, BORDER:-BORDER]
        assert np.median(off) < 0.08
        assert np.percentile(off, 95) < 0.3
        assert np.hypot(*np.moveaxis(wanted, -1, 0)).max() > 0.5


@pytest.mark.parametrize(
    ("motion", "goes"),
    [("pan-left", (1, 0)), ("pan-right", (-1, 0)), ("pan-up", (0, 1)), ("pan-down", (0, -1))],
)
def test_a_pan_sends_the_picture_the_other_way_at_one_speed(motion, goes):
    path = path_of(motion, amount=1.0)
    steps = [expected_flow(path[i], path[i + 1]) for i in range(7)]
    side = FRAME.width if goes[0] else FRAME.height
    for step in steps:
        np.testing.assert_allclose(step, np.broadcast_to(np.array(goes) * PAN[1] * side / 7, step.shape), atol=1e-9)


def test_a_zoom_has_one_ratio_and_zooming_out_is_zooming_in_backwards():
    into, out = path_of("zoom-in", amount=1.0), path_of("zoom-out", amount=1.0)
    ratios = [into[i + 1].width / into[i].width for i in range(7)]
    np.testing.assert_allclose(ratios, ZOOM[0] ** (1 / 7))
    assert out == into[::-1]


def test_a_roll_turns_the_picture_against_the_camera_and_about_the_middle():
    path = path_of("roll", amount=0.0)
    assert math.degrees(path[-1].turn - path[0].turn) == pytest.approx(ROLL[0])
    right_of_middle = expected_flow(path[0], path[1])[40, 120]
    assert right_of_middle[1] < 0
    assert (path[0].x, path[0].y) == (path[-1].x, path[-1].y)


@pytest.mark.parametrize("motion", CAMERA_MOTIONS)
@pytest.mark.parametrize("picture", [PICTURE, Size(170, 110), Size(150, 900), Size(4000, 200)])
def test_no_view_is_smaller_than_the_frame_or_leaves_the_picture(motion, picture):
    for seed in range(20):
        try:
            path = path_of(motion, picture=picture, amount=seed / 19, seed=seed)
        except NoRoom as problem:
            wide, high = problem.needed
            assert picture.width < wide or picture.height < high
            continue
        for view in path:
            assert view.width >= FRAME.width - 1e-6
            for x in (-view.width / 2, view.width / 2):
                for y in (-view.height / 2, view.height / 2):
                    at = view.x + x * math.cos(view.turn) - y * math.sin(view.turn)
                    down = view.y + x * math.sin(view.turn) + y * math.cos(view.turn)
                    assert -1e-6 <= at <= picture.width + 1e-6
                    assert -1e-6 <= down <= picture.height + 1e-6


@pytest.mark.parametrize("motion", CAMERA_MOTIONS)
def test_the_least_size_that_a_refusal_names_is_enough(motion):
    with pytest.raises(NoRoom) as caught:
        path_of(motion, picture=Size(128, 80), amount=1.0)
    assert len(path_of(motion, picture=Size(*caught.value.needed), amount=1.0)) == 8


def photos(folder: Path, names) -> Path:
    folder.mkdir()
    for name in names:
        Image.fromarray(photograph(name)).save(folder / f"{name}.jpg", quality=95)
    return folder


def made(images: Path, out: Path, motion="pan-right", **choices):
    request = CameraRequest(images=images, motion=motion, clip=SHAPE, output=out, **choices)
    return make_camera_clips(request, SilentProgress())


def test_five_clips_of_each_picture_at_spread_speeds_and_training_takes_them_all(tmp_path):
    result = made(photos(tmp_path / "photos", ("china", "chelsea")), tmp_path / "clips")
    assert (result.pictures, result.clips) == (2, 10)
    record = json.loads((tmp_path / "clips" / SET_NAME).read_text())
    travels = sorted((clip["last"]["x"] - clip["first"]["x"]) / clip["first"]["width"] for clip in record["clips"][:5])
    edges = np.linspace(*PAN, 6)
    assert all(low <= travel <= high for low, travel, high in zip(edges, travels, edges[1:], strict=False))
    recipe = recipe_from_toml(result.recipe.read_bytes())
    assert (recipe.adapter.motion, recipe.adapter.region, recipe.clips.flip) == ("camera pan right", "whole", False)
    dataset = open_clips(tmp_path / "clips", SHAPE, recipe.clips, seed=0, progress=SilentProgress())
    assert [len(clip.windows) for clip in dataset.clips] == [1] * 10
    assert {clip.windows[0].crop for clip in dataset.clips} == {(0, 0, 128, 80)}


def test_what_is_written_shows_what_is_recorded(tmp_path):
    made(photos(tmp_path / "photos", ("china",)), tmp_path / "clips", motion="zoom-out", per_picture=2)
    for clip in json.loads((tmp_path / "clips" / SET_NAME).read_text())["clips"]:
        frames = read_clip(tmp_path / "clips" / clip["file"]).frames
        ratio = (clip["last"]["width"] / clip["first"]["width"]) ** (1 / 7)
        found = flow(frames[3], frames[4])
        # along each axis a zoom is a straight line through the point that stays
        slope = np.polyfit(np.arange(112), found[8:-8, 8:-8, 0].mean(axis=0), 1)[0]
        assert 1 + slope == pytest.approx(1 / ratio, abs=0.01)


def test_the_clips_of_a_picture_do_not_depend_on_the_others(tmp_path):
    made(photos(tmp_path / "one", ("flower",)), tmp_path / "alone")
    made(photos(tmp_path / "two", ("china", "flower")), tmp_path / "together")
    for number in range(5):
        alone = (tmp_path / "alone" / f"camera-000-{number}.apng").read_bytes()
        assert alone == (tmp_path / "together" / f"camera-001-{number}.apng").read_bytes()


def test_another_motion_in_the_same_folder_replaces_it_and_other_files_are_not_touched(tmp_path):
    images = photos(tmp_path / "photos", ("china",))
    made(images, tmp_path / "clips")
    made(images, tmp_path / "clips", motion="roll", per_picture=1)
    assert {path.name for path in (tmp_path / "clips").iterdir()} == {"camera-000-0.apng", SET_NAME, RECIPE_NAME}
    assert tomllib.loads((tmp_path / "clips" / RECIPE_NAME).read_text())["adapter"]["motion"] == "camera roll"
    (tmp_path / "clips" / "mine.mp4").write_bytes(b"mine")
    with pytest.raises(UsageProblem, match="holds other files"):
        made(images, tmp_path / "clips")
    assert (tmp_path / "clips" / "mine.mp4").read_bytes() == b"mine"


def test_every_picture_that_will_not_do_is_named_and_nothing_is_written(tmp_path):
    images = photos(tmp_path / "photos", ("china",))
    Image.new("RGB", (100, 70)).save(images / "tiny.png")
    (images / "torn.jpg").write_bytes((images / "china.jpg").read_bytes()[:2000])
    (images / "notes.txt").write_text("licence: ours")
    with pytest.raises(UnusableFiles) as caught:
        made(images, tmp_path / "clips")
    assert caught.value.message.startswith(
        "2 of 3 pictures can not be used: `tiny.png`: it has 100x70 pixels, expected"
    )
    assert "`torn.jpg`" in caught.value.message
    assert caught.value.exit_code == 2
    assert not (tmp_path / "clips").exists()


@pytest.mark.parametrize("make", [lambda folder: None, lambda folder: folder.mkdir()])
def test_a_folder_that_is_missing_or_empty_is_said_so(tmp_path, make):
    make(tmp_path / "photos")
    with pytest.raises(NotFound, match="photos"):
        made(tmp_path / "photos", tmp_path / "clips")


def test_a_motion_that_no_camera_makes_is_refused(tmp_path):
    with pytest.raises(UsageProblem, match="no camera motion `orbit`") as caught:
        made(tmp_path, tmp_path / "clips", motion="orbit")
    assert "pan-left" in caught.value.hint
