"""What ships inside: `nano` and the starter adapters, used as right after the installation, without a network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

import engine
import mivactl
from engine.bases.base_folder import read_base_spec, verify_base
from engine.video.clip_reader import read_clip
from engine.video.optical_flow import flow
from tests.photographs import photograph

NANO = Path(engine.__file__).parent / "bases" / "nano"
STARTER = Path(mivactl.__file__).parent / "starter"
STARTERS = sorted(path.stem for path in STARTER.glob("index/miva/*.jsonl"))
MEGABYTE = 1_000_000


def mivactl_in(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """The command line in a fresh process and a fresh home, offline."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MIVACTL_")}
    return subprocess.run(
        [sys.executable, "-m", "mivactl", *map(str, arguments), "--offline"],
        cwd=folder,
        env={**kept, "MIVACTL_HOME": str(folder / "home")},
        capture_output=True,
        text=True,
        check=False,
    )


def ok(folder: Path, *arguments: object) -> str:
    done = mivactl_in(folder, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_nano_is_whole_and_small():
    verify_base("nano")
    files = [path for path in NANO.rglob("*") if path.is_file()]
    weights = [path.stat().st_size for path in files if path.suffix == ".safetensors"]
    assert sum(weights) <= 40 * MEGABYTE
    assert max(weights) <= 15 * MEGABYTE
    assert read_base_spec("nano").exact_only


@pytest.mark.parametrize("name", STARTERS)
def test_a_starter_is_small_fits_exactly_and_installs_without_a_network(tmp_path: Path, name: str):
    ok(tmp_path, "install", name)
    (found,) = json.loads(ok(tmp_path, "list", "--json"))["data"]["adapters"]
    assert found["name"] == f"miva/{name}"
    assert found["fit"] == "exact"
    assert found["size_bytes"] <= 3 * MEGABYTE
    ok(tmp_path, "verify")


def test_the_demo_comes_out_as_stored(tmp_path: Path):
    said = ok(tmp_path, "demo", "--verify")
    clip = read_clip(tmp_path / "demo.mp4")
    assert clip.frames.shape == (16, 800, 1280, 3)
    picture = np.asarray(Image.open(tmp_path / "demo.png").convert("RGB"), np.float32)
    error = np.square(clip.frames[0] - picture).mean()
    assert 10 * np.log10(255**2 / error) > 34
    assert "same" in said or "close" in said


@pytest.mark.acceptance
def test_the_demo_moves_water_and_sky(tmp_path: Path):
    """A twentieth of the picture changes visibly, and the water flows down."""
    ok(tmp_path, "demo")
    frames = read_clip(tmp_path / "demo.mp4").frames
    change = np.abs(frames.astype(np.float32) - frames[:1]).mean(axis=(0, 3))
    assert (change > 4).mean() > 0.05
    water = np.s_[400:600, 700:880]
    falls = [flow(first, second)[water][..., 1] for first, second in pairwise(frames)]
    assert np.median(falls) > 2


@pytest.mark.parametrize("name", ["coffee", "chelsea"])
def test_frame_0_of_a_photograph(tmp_path: Path, name: str):
    """As PNG it is the photo, bit for bit; in mp4 it is within 36 dB of it."""
    photo = photograph(name)
    photo = photo[: photo.shape[0] // 2 * 2, : photo.shape[1] // 2 * 2]
    Image.fromarray(photo).save(tmp_path / "photo.png")
    ok(tmp_path, "animate", "photo.png", "--use", "clouds", "--steps", 2, "-o", "frames", "-o", "clip.mp4")
    assert np.array_equal(np.asarray(Image.open(tmp_path / "frames" / "frame-0000.png")), photo)
    first = read_clip(tmp_path / "clip.mp4").frames[0].astype(np.float32)
    assert 10 * np.log10(255**2 / np.square(first - photo).mean()) >= 36


def measured(folder: Path, *arguments: object) -> tuple[float, float]:
    """Seconds and peak megabytes of a command, imports included."""
    started = time.perf_counter()
    process = psutil.Popen(
        [sys.executable, "-m", "mivactl", *map(str, arguments), "--offline"],
        cwd=folder,
        env={**os.environ, "MIVACTL_HOME": str(folder / "home")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    peak = 0
    while process.poll() is None:
        try:
            peak = max(peak, process.memory_info().rss)
        except psutil.NoSuchProcess:
            break
        time.sleep(0.02)
    assert process.wait() == 0
    return time.perf_counter() - started, peak / MEGABYTE


@pytest.mark.acceptance
@pytest.mark.parametrize(("uses", "most"), [(("waterfall",), 20), (("waterfall:0.5", "clouds:0.5"), 28)])
def test_animate_is_quick_and_modest(tmp_path: Path, uses: tuple[str, ...], most: float):
    Image.fromarray(photograph("coffee")).save(tmp_path / "photo.png")
    seconds, megabytes = measured(tmp_path, "animate", "photo.png", *[word for use in uses for word in ("--use", use)])
    assert seconds <= most
    assert megabytes <= 1500


@pytest.mark.acceptance
def test_a_clip_is_replayed_to_the_same_frames_and_an_edited_receipt_is_noticed(tmp_path: Path):
    Image.fromarray(photograph("china")).save(tmp_path / "photo.png")
    ok(tmp_path, "animate", "photo.png", "--use", "waterfall:0.5", "--use", "clouds:0.5", "-o", "clip.mp4")
    assert "same" in ok(tmp_path, "replay", "clip.mp4")
    receipt = tmp_path / "clip.mp4.json"
    facts = json.loads(receipt.read_text())
    facts["settings"]["seed"] += 1
    receipt.write_text(json.dumps(facts))
    assert mivactl_in(tmp_path, "replay", "clip.mp4").returncode == 5
