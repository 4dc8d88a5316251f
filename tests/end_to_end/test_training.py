"""Training as a person meets it: a plan first, a draft with a preview at the end, several processes, recipes."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from mivactl.cli.app import run
from mivactl.operations.draft import read_draft
from tests.end_to_end.test_refusals import Refused
from tests.end_to_end.tiny_world import HEIGHT, WIDTH, TinyWorld, write_clips, write_photo

if TYPE_CHECKING:
    from pathlib import Path

TRAIN = ("train", "clips", "--base", "tiny", "--name", "my/square")
FEW = ("--steps", "2", "--set", "evaluation.points=1", "--set", "clips.windows=1")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the tiny base, clips and a photo."""
    folder = tmp_path_factory.mktemp("world")
    TinyWorld(folder)
    write_clips(folder / "clips")
    write_photo(folder / "photo.png")
    return folder


def test_a_draft_has_a_preview_with_its_receipt_a_card_and_a_report(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert run([*TRAIN, *FEW, "-o", "draft", "--footage", "drawn by a test"]) == 0
    said = capsys.readouterr()
    assert said.out == "draft\n"
    assert "weights: " in said.err
    assert "see `draft/report.html`" in said.err
    assert "was not stated" not in said.err
    draft = read_draft(folder / "draft")
    assert {"README.md", "adapter.safetensors", "preview.png", "preview.webp", "recipe.toml"} <= set(draft.files)
    receipt = draft.receipts["preview.webp.json"]
    assert receipt.adapters[0].name == "my/square"
    assert draft.training is not None
    assert draft.training.footage == "drawn by a test"
    assert (folder / "draft" / "report.html").is_file()
    assert run(["publish", "draft", "--quiet"]) == 0
    assert run(["install", "my/square", "--quiet"]) == 0
    assert run(["animate", "draft/preview.png", "--use", "my/square", "-o", "again.webp", "--quiet"]) == 0
    again = json.loads((folder / "again.webp.json").read_text())
    assert again["output"]["frames"] == str(receipt.output.frames)


def test_who_does_not_say_whose_clips_these_are_is_asked_to(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert run([*TRAIN, *FEW, "-o", "draft", "--set", "evaluation.times=0", "--set", "evaluation.previews=0"]) == 0
    assert "whose clips these are was not stated" in capsys.readouterr().err
    assert not list((folder / "draft").glob("preview*"))


def test_previews_are_made_of_a_persons_photo(folder: Path):
    assert run([*TRAIN, *FEW, "-o", "draft", "--preview", "photo.png", "--quiet"]) == 0
    with Image.open(folder / "draft" / "preview.png") as kept, Image.open(folder / "photo.png") as photo:
        assert kept.size == photo.size


def test_a_plan_says_what_it_takes_and_leaves_nothing(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert run([*TRAIN, "--steps", "500", "-o", "draft", "--plan", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)["data"]
    plan = data["plan"]
    assert (plan["base"], plan["steps"], plan["samples"], plan["looks"]) == ("tiny", 500, 1, 5)
    assert [clip["file"] for clip in plan["clips"]] == ["clip-0.gif", "clip-1.gif", "clip-2.gif"]
    assert {(clip["frames"], clip["width"], clip["height"]) for clip in plan["clips"]} == {(10, WIDTH, HEIGHT)}
    assert all(clip["windows"] > 1 for clip in plan["clips"])
    assert plan["peak_bytes"] > 50_000_000
    assert data["seconds"] == pytest.approx(
        plan["encoding_seconds"] + 500 * plan["step_seconds"] + 5 * plan["look_seconds"]
    )
    assert not (folder / "draft").exists()


def test_a_plan_is_told_in_words(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert run([*TRAIN, *FEW, "-o", "draft", "--plan", "--gpus", "2"]) == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert lines["steps"].startswith("2 of 2 samples, 1 at once, ")
    assert lines["windows"].startswith(f"3 of 6 frames of {WIDTH}x{HEIGHT}, 0.75 s of a clip each")
    assert lines["time"].startswith("about ")


@pytest.mark.acceptance
def test_two_processes_make_one_draft_and_say_it_once(folder: Path):
    options = ("--set", "optimiser.steps=4", "--set", "evaluation.times=1", "--set", "evaluation.points=1")
    command = [sys.executable, "-m", "mivactl", *TRAIN, *options, "-o", "draft", "--gpus", "2", "--json"]
    environment = {**TinyWorld.environment_of(folder / "home"), "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=True)
    (envelope,) = done.stdout.splitlines()
    assert json.loads(envelope)["data"]["steps"] == 4
    optimiser = tomllib.loads((folder / "draft" / "recipe.toml").read_text())["optimiser"]
    assert (optimiser["accumulate"], optimiser["steps"]) == (2, 4)


@pytest.mark.parametrize(
    ("options", "code", "words", "hint"),
    [
        (("--gpus", "0"), 2, "`--gpus` is `0`, expected 1 to 64", "--gpus"),
        (("--log", "paper"), 2, "`--log` is `paper`, expected one of `tensorboard`, `trackio`, `wandb`", "--log"),
        (("--preview", "none.png"), 3, "no photo `none.png`", "--preview"),
        (("--footage", ""), 2, "`--footage` is empty", "whose clips"),
        (("--set", "optimiser.step=4"), 2, "recipe has no key `optimiser.step`", "`optimiser.steps`"),
        (("--set", "adapter.weighting=fix"), 2, "recipe: `adapter.weighting` is", "did you mean `fixed`?"),
    ],
)
def test_options_that_can_not_be_are_refused_before_anything_is_done(
    folder: Path, capsys: pytest.CaptureFixture[str], options, code, words, hint
):
    refused = Refused(capsys, *TRAIN, *options, "-o", "draft")
    assert refused.code == code
    assert words in refused.words
    assert hint in refused.words
    assert not (folder / "draft").exists()


def test_a_recipe_is_shown_as_it_would_be_taken_and_can_be_read_again(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["recipe", "show", "--base", "tiny", "--set", "optimiser.steps=7"]) == 0
    text = capsys.readouterr().out
    (folder / "own.toml").write_text(text)
    assert tomllib.loads(text)["optimiser"]["steps"] == 7
    assert run(["recipe", "show", "own.toml", "--base", "tiny"]) == 0
    assert capsys.readouterr().out == text
    assert run(["recipe", "validate", "own.toml", "--base", "tiny"]) == 0
    assert capsys.readouterr().out == "own.toml is a recipe for base tiny\n  optimiser.steps = 7 (base: 8)\n"


def test_a_recipe_with_a_slip_names_the_nearest_key(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "own.toml").write_text("[optimiser]\nlerning_rate = 1e-3\n")
    refused = Refused(capsys, "recipe", "validate", "own.toml", "--base", "tiny")
    assert refused.code == 2
    assert "recipe has no key `optimiser.lerning_rate`" in refused.words
    assert "did you mean `optimiser.learning_rate`?" in refused.words
