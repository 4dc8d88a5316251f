"""The clips starters are trained on, the pictures they are shown with, their recipes and releases."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING

import numpy as np
import pytest

from engine.pretraining.preview_picture import PICTURES, SIZE, pixels_of, preview_picture
from engine.pretraining.scenes.catalog import CAMERAS
from engine.pretraining.starter_clips import PATHS, filmed_clips, moving_clip
from engine.pretraining.starter_recipes import STARTERS, release_file, starter_recipe
from mivactl.operations.draft import Release
from registry_schema.clip_shape import ClipShape

if TYPE_CHECKING:
    from engine.pretraining.scenes.scene import GeneratedClip

NANO = ClipShape(frames=16, height=80, width=128, fps=8)
ELEVEN = {
    "birds-flying",
    "fireworks",
    "guitar-playing",
    "helicopter-hovering",
    "horse-running",
    "raining",
    "turning-to-smile",
    "waterfall",
    "clouds",
    "camera-pan-right",
    "camera-zoom-out",
}


def test_there_are_eleven():
    assert set(STARTERS) == ELEVEN


@pytest.mark.parametrize("name", sorted(ELEVEN))
def test_recipe_and_release_are_valid_and_of_one_name(name: str):
    adapter = starter_recipe(name).adapter
    release = Release.of(tomllib.loads(release_file(name).read_text()), source=name)
    assert release.name == f"miva/{name}"
    assert adapter.motion == name.replace("-", " ")
    whole = name == "raining" or name in CAMERAS
    assert adapter.region == ("whole" if whole else "subject")
    assert bool(adapter.subjects) != whole
    assert "starter" in release.tags


def test_recipes_differ_in_what_is_trained_and_in_nothing_else():
    plain = {json.dumps({**starter_recipe(name).to_dict(), "adapter": None}, sort_keys=True) for name in ELEVEN}
    assert len(plain) == 1
    assert starter_recipe("clouds", "optimiser.steps=5").optimiser.steps == 5


@pytest.mark.parametrize("motion", ["clouds", "horse-running"])
def test_a_moving_clip_shows_nothing_of_another_motion(motion: str):
    assert all(set(moving_clip(motion, index).present) == {motion} for index in range(3))


def colours(clip: GeneratedClip) -> np.ndarray:
    """How often each of 64 colours is seen in a clip."""
    levels = ((clip.frames.numpy() + 1) * 1.999).astype(int)
    return np.bincount((levels[:, 0] * 16 + levels[:, 1] * 4 + levels[:, 2]).ravel(), minlength=64) / levels[:, 0].size


@pytest.mark.parametrize("motion", sorted(ELEVEN & set(CAMERAS)))
def test_a_picture_is_filmed_along_several_paths(motion: str):
    """Clips of one picture have its colours, and no two of them are alike."""
    pictures = [filmed_clips(motion, index) for index in range(2)]
    seen = [[colours(clip) for clip in clips] for clips in pictures]
    within = max(np.abs(one - other).sum() for group in seen for one in group for other in group)
    between = min(np.abs(one - other).sum() for one in seen[0] for other in seen[1])
    assert within < between
    for clips in pictures:
        assert len({clip.frames.numpy().tobytes() for clip in clips}) == PATHS
        assert all(clip.frames.shape == (16, 3, 80, 128) for clip in clips)


@pytest.mark.parametrize("name", sorted(ELEVEN))
def test_a_preview_shows_its_subject(name: str):
    picture = preview_picture(name)
    assert pixels_of(picture).shape == (SIZE.height, SIZE.width, 3)
    for thing in PICTURES[name].things:
        assert float((picture.present[thing] > 0.5).float().mean()) > 0.005
    assert name in PICTURES[name].things or name in CAMERAS
