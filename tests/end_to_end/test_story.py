"""The one story everything else serves: train, publish, install, animate, replay; through the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from engine.video.clip_reader import read_clip
from tests.end_to_end.tiny_world import FRAMES, TinyWorld, write_adapter_draft, write_clips, write_photo

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def world(tmp_path: Path) -> TinyWorld:
    return TinyWorld(tmp_path)


def test_an_adapter_is_trained_published_installed_used_and_replayed(world: TinyWorld):
    write_clips(world.folder / "clips")
    write_photo(world.folder / "photo.png")

    trained = world.ok("train", "clips", "--name", "my/square", "-o", "draft", "--steps", 4, "--offline")
    assert trained.out == "draft\n"
    assert "mivactl publish draft" in trained.err

    world.ok("publish", "draft")
    world.ok("install", "my/square")
    made = world.ok("animate", "photo.png", "--use", "my/square", "--offline")
    assert made.out == "photo-square.mp4\n"
    assert "base tiny: your settings name it" in made.err
    assert "my/square at weight 1 moved" in made.err
    clip = read_clip(world.folder / "photo-square.mp4")
    assert clip.frames.shape == (FRAMES, 130, 200, 3)

    replayed = world.ok("replay", "photo-square.mp4", "--offline")
    assert replayed.out.splitlines()[0] == "same: every frame equal"

    receipt = world.folder / "photo-square.mp4.json"
    facts = json.loads(receipt.read_text())
    assert facts["adapters"][0]["name"] == "my/square"
    facts["settings"]["seed"] = 43
    receipt.write_text(json.dumps(facts))
    edited = world.mivactl("replay", "photo-square.mp4", "--json")
    assert edited.code == 5
    assert "receipt" in edited.error["message"]


def test_frame_0_as_png_is_the_photo_bit_for_bit(world: TinyWorld):
    write_photo(world.folder / "photo.png", width=201, height=130)
    world.ok("publish", write_adapter_draft(world.folder / "draft", world.base_folder, "my/wave"))
    world.ok("animate", "photo.png", "--use", "my/wave", "--yes", "-o", "frames", "-o", "clip.apng")
    photo = np.asarray(Image.open(world.folder / "photo.png"))[:130, :200]
    assert np.array_equal(read_clip(world.folder / "clip.apng").frames[0], photo)


def test_a_plan_loads_neither_torch_nor_opencv(world: TinyWorld):
    write_photo(world.folder / "photo.png")
    world.publish_and_install(write_adapter_draft(world.folder / "draft", world.base_folder, "my/wave"), "my/wave")
    story = (
        "import sys; from mivactl.cli.app import run; "
        "code = run(['animate', 'photo.png', '--use', 'my/wave', '--plan']); "
        "print(code, *[name for name in ('torch', 'diffusers', 'cv2', 'av') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", story],
        env=world.environment(),
        cwd=world.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "0"
    assert "photo.png (200x130) -> photo-wave.mp4 (200x130)" in done.stdout
    assert "a first guess: no run on this machine so far" in done.stdout
