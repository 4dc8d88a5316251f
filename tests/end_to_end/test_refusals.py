"""Bad input to the commands that make clips: one clear error each, with its exit code and hint, and nothing lost."""

from __future__ import annotations

import json
import shutil
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from mivactl.cli.app import run
from tests.end_to_end.tiny_world import write_tiny_base

if TYPE_CHECKING:
    from pathlib import Path

WAVE = ("--use", "my/wave")


class Refused:
    """What one command line answered with `--json`."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *arguments: object) -> None:
        capsys.readouterr()
        self.code = run([*(str(argument) for argument in arguments), "--json"])
        envelope = json.loads(capsys.readouterr().out)
        self.error = envelope["error"]
        self.data = envelope["data"]

    @property
    def words(self) -> str:
        return f"{self.error['message']} | {self.error['hint']}"


def huge_png(path: Path) -> None:
    """A PNG header that claims 20,000 x 20,000 pixels."""
    import struct

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )


REFUSALS = {
    "missing photo": (("gone.jpg", *WAVE), 3, "photo `gone.jpg` does not exist | look at what is there"),
    "text named .jpg": (("text.jpg", *WAVE), 2, "`text.jpg` is a text file, expected a photo | formats read"),
    "20,000 x 20,000": (("huge.png", *WAVE), 10, "`huge.png` has 20000 x 20000 = 400 megapixels, the limit is 100"),
    "weight nan": (("photo.png", "--use", "my/wave:nan"), 2, "weight `nan` is not a plain decimal"),
    "all weights 0": (
        ("photo.png", "--use", "my/wave:0"),
        2,
        "all weights are 0, nothing would move | write",
    ),
    "unknown adapter": (
        ("photo.png", "--use", "my/wafe"),
        3,
        "no adapter `my/wafe` in the registries `starter`, `local` | did you mean `my/wave`?",
    ),
    "unknown base": (
        ("photo.png", *WAVE, "--base", "tinny"),
        3,
        "no base `tinny` on this machine | did you mean",
    ),
    "wrong base": (("photo.png", *WAVE, "--base", "other"), 4, "trained on base `tiny`"),
    "frames": (("photo.png", *WAVE, "--frames", "13"), 2, "makes 2 to 12 frames | pass `--frames 12`"),
    "steps": (("photo.png", *WAVE, "--steps", "0"), 2, "`--steps` is `0`, expected 1 to 1000 | pass `--steps 1`"),
    "sampler": (
        ("photo.png", *WAVE, "--sampler", "euler_flow"),
        2,
        "samples with `ddim`, `dpm` or `renoise` | pass",
    ),
    "size": (("photo.png", *WAVE, "--size", "huge"), 2, "`--size` is `huge`, which is not a size"),
    "fit": (("photo.png", *WAVE, "--fit", "crp"), 2, "`--fit` is `crp`, expected one of"),
    "unknown format": (("photo.png", *WAVE, "-o", "clip.avi"), 2, "output `clip.avi` has no suffix of a clip"),
    "a stranger's file": (
        ("photo.png", *WAVE, "-o", "notes.mp4"),
        8,
        "`notes.mp4` is there already, and",
    ),
    "no adapter": (("photo.png",), 2, "no adapter is named, expected at least one"),
    "no preset": (("photo.png", "--preset", "gone.toml"), 3, "cannot read preset `gone.toml`"),
    "broken preset": (("photo.png", "--preset", "text.jpg"), 5, "text.jpg: is not TOML"),
    "empty folder": (("draft", *WAVE), 3, "folder `draft` holds no photo"),
    "pattern": (("*.jpeg", *WAVE), 3, "no file matches `*.jpeg`"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_bad_input_gets_one_clear_error(folder: Path, capsys: pytest.CaptureFixture[str], case: str):
    arguments, code, words = REFUSALS[case]
    (folder / "text.jpg").write_text("this is no photo")
    (folder / "notes.mp4").write_text("not a clip")
    huge_png(folder / "huge.png")
    write_tiny_base(folder / "home" / "bases" / "other", name="other", levels=(24, 32))
    before = set(folder.iterdir())
    refused = Refused(capsys, "animate", *arguments)
    assert (refused.code, words in refused.words) == (code, True), refused.words
    assert refused.error["hint"]
    assert set(folder.iterdir()) == before
    assert (folder / "notes.mp4").read_text() == "not a clip"


def test_the_plan_fails_as_the_run_would_and_loads_nothing(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "text.jpg").write_text("this is no photo")
    assert Refused(capsys, "animate", "text.jpg", *WAVE, "--plan").code == 2
    planned = Refused(capsys, "animate", "photo.png", *WAVE, "--plan")
    assert planned.code == 0
    assert planned.data["adapters"][0]["weight"] == 1
    assert planned.data["photos"][0]["clip_size"] == [200, 130]


def test_an_output_that_can_not_be_written_is_refused_before_anything_runs(
    folder: Path, capsys: pytest.CaptureFixture[str]
):
    (folder / "file").write_text("")
    refused = Refused(capsys, "animate", "photo.png", *WAVE, "-o", "file/clip.mp4")
    assert refused.code == 2
    assert "cannot write `file/clip.mp4`" in refused.words


def test_weights_that_are_not_finite_are_refused_at_publishing(folder: Path, capsys: pytest.CaptureFixture[str]):
    weights = load_file(folder / "draft" / "adapter.safetensors")
    first = next(iter(weights))
    weights[first] = np.full_like(weights[first], np.nan)
    save_file(weights, folder / "draft" / "adapter.safetensors")
    refused = Refused(capsys, "publish", "draft", "--to", "home/registry")
    assert refused.code == 5
    assert first in refused.words


def test_a_changed_byte_in_the_store_is_noticed(folder: Path, capsys: pytest.CaptureFixture[str]):
    blobs = [path for path in (folder / "home" / "store" / "blobs").rglob("*") if path.is_file()]
    weights = max(blobs, key=lambda path: path.stat().st_size)
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.chmod(0o644)
    weights.write_bytes(content)
    refused = Refused(capsys, "animate", "photo.png", *WAVE)
    assert (refused.code, "in the store was changed" in refused.words) == (5, True), refused.words
    assert "mivactl install --reinstall" in refused.words
    assert not list(folder.glob("photo-*"))


def test_replaying_what_carries_no_receipt_says_so(folder: Path, capsys: pytest.CaptureFixture[str]):
    shutil.copy(folder / "photo.png", folder / "clip.png")
    assert Refused(capsys, "replay", "gone.mp4").code == 3
    refused = Refused(capsys, "replay", "clip.png")
    assert (refused.code, "carries no receipt" in refused.words) == (3, True)


def test_a_preset_names_each_adapter_once_and_is_not_overwritten(folder: Path, capsys: pytest.CaptureFixture[str]):
    twice = Refused(capsys, "compose", "my/wave:0.5", "my/wave:0.5", "-o", "p.toml")
    assert (twice.code, "is named twice" in twice.words) == (2, True)
    (folder / "p.toml").write_text("mine")
    there = Refused(capsys, "compose", "my/wave", "-o", "p.toml")
    assert (there.code, "is there already" in there.words) == (8, True)
    assert (folder / "p.toml").read_text() == "mine"
