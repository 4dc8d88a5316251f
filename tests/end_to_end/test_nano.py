"""The same story on the base that ships, with generated clips; run by `.ci/run --acceptance`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.pretraining.sample_picture import write_sample_picture
from engine.pretraining.starter_clips import write_clips
from engine.video.clip_reader import read_clip
from tests.end_to_end.tiny_world import TinyWorld

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.acceptance
def test_an_adapter_trained_on_nano_is_published_used_and_replayed(tmp_path: Path):
    world = TinyWorld(tmp_path)
    (world.home / "config.toml").unlink()
    write_sample_picture(world.folder / "photo.png")
    write_clips("waterfall", world.folder / "clips", count=4)
    world.ok("train", "clips", "--base", "nano", "--name", "my/fall", "-o", "fall", "--steps", 4)
    world.ok("publish", "fall")
    world.ok("install", "my/fall")
    made = world.ok("animate", "photo.png", "--use", "my/fall", "--offline")
    assert made.out == "photo-fall.mp4\n"
    assert "base nano: " in made.err
    assert read_clip(world.folder / "photo-fall.mp4").frames.shape == (16, 800, 1280, 3)
    assert world.ok("replay", "photo-fall.mp4", "--offline").out.startswith("same: every frame equal")
