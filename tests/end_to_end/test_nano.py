"""The same story on the base that ships, with what it may cost; run by `.ci/run --acceptance`."""

from __future__ import annotations

import os
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from engine.pretraining.sample_picture import write_sample_picture
from engine.video.clip_reader import read_clip
from tests.end_to_end.tiny_world import TinyWorld, write_clips

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.acceptance
SECONDS_ONE, SECONDS_TWO, PEAK_BYTES = 20, 28, 1_500_000_000


class NanoWorld(TinyWorld):
    """A home in which nobody chose a base, and two threads for torch as on a small laptop."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (self.home / "config.toml").unlink()

    def environment(self, **more: str) -> dict[str, str]:
        return super().environment(OMP_NUM_THREADS="2", **more)

    def measured(self, *arguments: object) -> tuple[float, int]:
        """Wall seconds and peak bytes of one command."""
        started = time.monotonic()
        process = subprocess.Popen(self.command(*arguments), env=self.environment(), cwd=self.folder)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        return time.monotonic() - started, usage.ru_maxrss * 1024


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> NanoWorld:
    world = NanoWorld(tmp_path_factory.mktemp("nano"))
    write_sample_picture(world.folder / "photo.png")
    write_clips(world.folder / "clips", count=8)
    for name in ("square", "box"):
        world.ok("train", "clips", "--base", "nano", "--name", f"my/{name}", "-o", name, "--steps", 4)
        world.ok("publish", name)
        world.ok("install", f"my/{name}")
    return world


def test_an_adapter_trained_on_nano_is_used_and_replayed(world: NanoWorld):
    made = world.ok("animate", "photo.png", "--use", "my/square", "--offline")
    assert made.out == "photo-square.mp4\n"
    assert "base nano: " in made.err
    assert read_clip(world.folder / "photo-square.mp4").frames.shape == (16, 800, 1280, 3)
    assert world.ok("replay", "photo-square.mp4", "--offline").out.startswith("same: every frame equal")


def test_one_adapter_takes_20_seconds_at_most_and_two_28(world: NanoWorld):
    one, peak = world.measured("animate", "photo.png", "--use", "my/square", "-o", "one.mp4")
    two, _ = world.measured("animate", "photo.png", "--use", "my/square", "--use", "my/box", "-o", "two.mp4")
    assert (one <= SECONDS_ONE, two <= SECONDS_TWO, peak <= PEAK_BYTES) == (True, True, True), (one, two, peak)


def test_the_demo_needs_nothing_from_outside_and_gives_the_stored_result(world: NanoWorld):
    shown = world.ok("demo", "--verify", "--offline")
    picture, clip, verdict = shown.out.splitlines()
    assert (picture, clip) == ("demo.png", "demo.mp4")
    assert verdict.startswith(("same", "close"))
