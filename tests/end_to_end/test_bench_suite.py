"""A suite from pictures to report, with clips of others, interruptions, switches, and verification."""

from __future__ import annotations

import csv
import json
import re
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from engine.video.clip_writer import write_clip
from mivactl.cli.app import run
from registry_schema.digests import Digest
from tests.end_to_end.tiny_world import FRAMES, HEIGHT, WIDTH, TinyWorld, write_adapter_draft, write_photo

if TYPE_CHECKING:
    from pathlib import Path

    from _pytest.capture import CaptureFixture

SUITE = ("bench", "--suite", "paper-single", "--images", "images", "--namespace", "my", "-o", "run")


def moving(seed: int, *, frames: int = FRAMES, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """Blocks of colours that go round, 2 pixels a frame."""
    blocks = np.random.default_rng(seed).integers(40, 215, (height // 4 + 1, width // 4 + 1, 3), dtype=np.uint8)
    picture = blocks.repeat(4, axis=0).repeat(4, axis=1)[:height, :width]
    return np.stack([np.roll(picture, 2 * place, axis=1) for place in range(frames)])


def make_run(folder: Path) -> None:
    """Pictures of a tiny world, and `SUITE` run on them."""
    world = TinyWorld(folder)
    world.publish_and_install(write_adapter_draft(folder / "draft", world.base_folder, "my/waterfall"), "my/waterfall")
    place = folder / "images" / "waterfall"
    place.mkdir(parents=True)
    for seed, name in enumerate(("a", "b")):
        write_photo(place / f"{name}.png", seed=seed)
    write_photo(place / "a.mask.png")
    write_clip(moving(5), place / "a.real.mp4", fps=8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIVACTL_HOME", str(world.home))
        patch.chdir(folder)
        assert run([*SUITE, "--quiet"]) == 0


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench")
    make_run(folder)
    return folder


def table(folder: Path) -> dict[tuple[str, str], dict[str, str]]:
    with (folder / "run" / "scores.csv").open() as file:
        return {(line["case"], line["method"]): line for line in csv.DictReader(file)}


def test_a_run_has_clips_scores_and_one_page_that_asks_for_nothing(folder: Path):
    facts = json.loads((folder / "run" / "run.json").read_text())
    assert [case["name"] for case in facts["cases"]] == ["waterfall-a", "waterfall-b"]
    assert facts["cases"][0]["motions"] == ["waterfall"]
    methods = [method["name"] for method in facts["methods"]]
    assert methods == ["miva", "base", "still", "zoom", "real"]
    for case in facts["cases"]:
        assert (folder / "run" / case["photo"]).is_file()
        for method in methods:
            there = (folder / "run" / "clips" / case["name"] / f"{method}.mp4").is_file()
            assert there == (method != "real" or case["name"] == "waterfall-a")
    lines = table(folder)
    assert lines["waterfall-a", "still"]["flags"] == "copy"
    assert float(lines["waterfall-a", "real"]["own:motion-match"]) > 0.8
    assert lines["waterfall-b", "miva"]["own:motion-match"] == ""
    page = (folder / "run" / "report.html").read_text()
    assert not re.search(r"(src|href)=\"(?!data:|#)", page)
    assert "default-src 'none'" in page
    assert "not ranked: 2 of 2 clips are flagged copy" in page
    numbers = json.loads((folder / "run" / "summary.json").read_text())
    standings = {one["method"]: one for one in numbers["standings"]["proxy"]}
    assert standings["still"]["mean_rank"] is None
    assert standings["real"]["mean_rank"] is None
    assert {metric["tier"] for metric in numbers["metrics"].values()} == {"reference", "proxy", "own"}
    assert "vbench:subject" in numbers["missing"]


def test_the_numbers_of_a_run_are_published_with_the_adapter_that_it_measured(
    folder: Path, capsys: CaptureFixture[str]
):
    assert run(["publish", "draft", "--to", "local", "--report", "run"]) == 0
    assert run(["info", "my/waterfall", "--json"]) == 0
    (build,) = json.loads(capsys.readouterr().out.splitlines()[-1])["data"]["adapter"]["builds"]
    (attached,) = build["attachments"]
    assert attached["file"]["path"] == "bench-paper-single.json"
    assert attached["file"]["digest"] == Digest.of((folder / "run" / "summary.json").read_bytes())
    write_adapter_draft(folder / "other", folder / "home" / "bases" / "tiny", "my/other", seed=2)
    assert run(["publish", "other", "--to", "local", "--report", "run"]) == 5


def test_an_interrupted_run_goes_on_to_the_same_numbers(folder: Path, capsys: CaptureFixture[str]):
    before = (folder / "run" / "scores.csv").read_bytes()
    kept = (folder / "run" / "clips" / "waterfall-a" / "miva.mp4").stat().st_mtime_ns
    for lost in ("clips/waterfall-b/miva.mp4", "clips/waterfall-b/zoom.mp4", "scores/waterfall-a/base.json"):
        (folder / "run" / lost).unlink()
    (folder / "run" / "scores" / "waterfall-b" / "still.json").write_text("{")
    (folder / "run" / "report.html").unlink()
    assert run([*SUITE, "--json"]) == 0
    assert (folder / "run" / "scores.csv").read_bytes() == before
    assert (folder / "run" / "clips" / "waterfall-a" / "miva.mp4").stat().st_mtime_ns == kept
    assert json.loads(capsys.readouterr().out)["data"]["report"] == "run/report.html"


def test_clips_of_others_are_scored_or_named(folder: Path, capsys: CaptureFixture[str]):
    others = folder / "others"
    others.mkdir()
    write_clip(moving(1, frames=20, height=90, width=160), others / "waterfall-a.mp4", fps=16)
    (others / "b.gif").write_bytes(b"GIF89a broken")
    write_clip(moving(2), others / "stranger.mp4", fps=8)
    third = folder / "third" / "waterfall"
    third.mkdir(parents=True)
    write_clip(moving(3, frames=2), third / "a.mp4", fps=8)
    write_clip(moving(4, frames=4), third / "b.webp", fps=8)
    assert run([*SUITE, "--compare", "others=others", "--compare", "third=third"]) == 0
    said = capsys.readouterr().err
    lines = table(folder)
    assert lines["waterfall-a", "others"]["vbench:flicker"]
    assert ("waterfall-b", "others") not in lines
    assert "others, waterfall-a: 160x90, 16 frames a second" in said
    assert "others, waterfall-b: not used, " in said
    assert "others: 1 clips belong to no case: `stranger.mp4`" in said
    assert "third, waterfall-a: not used, clip `a.mp4` shows 2 frames" in said
    assert lines["waterfall-b", "third"]["vbench:flicker"]
    page = (folder / "run" / "report.html").read_text()
    assert "others, waterfall-b: not used" in page


def test_a_switch_shows_in_the_receipt_and_nothing_else_does(folder: Path, capsys: CaptureFixture[str]):
    switches = ("no-start-noise", "adain-every-step", "joint-softmax", "adain")
    assert run([*SUITE, *(part for name in switches for part in ("--ablate", name))]) == 0
    usual = receipt(folder, "miva")
    frames = {usual["output"]["frames"]}
    for name, field in zip(switches, ("start_noise", "variant", "variant", "match_first_frame"), strict=True):
        changed = receipt(folder, f"miva-{name}")
        differing = {key for key in usual["settings"] | changed["settings"]
                     if usual["settings"].get(key) != changed["settings"].get(key)}  # fmt: skip
        if name == "adain":
            assert not differing
            continue
        assert differing == {field}
        assert (changed["adapters"], changed["photo"]) == (usual["adapters"], usual["photo"])
        frames.add(changed["output"]["frames"])
    assert len(frames) == 4
    assert "miva-adain: changes nothing here, base `tiny` runs so anyway" in capsys.readouterr().err
    assert run(["replay", "run/clips/waterfall-a/miva-joint-softmax.mp4", "--photo", "images/waterfall/a.png"]) == 0
    assert capsys.readouterr().out.startswith("same")


def receipt(folder: Path, method: str) -> dict:
    return json.loads((folder / "run" / "clips" / "waterfall-a" / f"{method}.mp4.json").read_text())


def test_a_run_is_verified_from_its_receipts_and_a_changed_number_is_found(folder: Path, capsys: CaptureFixture[str]):
    assert run(["bench", "--verify", "run", "--sample", "2"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "clips made again: 2 of 2: 2 same"
    assert said[1] == "clips scored again: 9, numbers that differ: 0"
    scores = folder / "run" / "scores.csv"
    value = table(folder)["waterfall-a", "miva"]["proxy:flow"]
    scores.write_text(scores.read_text().replace(value, "12.5"))
    assert run(["bench", "--verify", "run", "--sample", "1"]) == 1
    assert f"waterfall-a by miva: proxy:flow was 12.5, is {value}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--suite", "paper"), 3, "no suite `paper`"),
        (("--suite", "paper-single"), 2, "suite `paper-single` needs pictures"),
        (
            (
                "--suite",
                "paper-mmiva",
            ),
            2,
            "suite `paper-mmiva` needs pictures",
        ),
        (("--suite", "paper-single", "--images", "nowhere"), 3, "no folder `nowhere`"),
        (
            ("--suite", "paper-single", "--images", "images", "--base", "tiny"),
            3,
            "no adapter for any motion of suite `paper-single`",
        ),
        (("--suite", "starter", "--ablate", "nonsense"), 2, "`--ablate nonsense` is no ablation"),
        (("--suite", "starter", "--compare", "x"), 2, "`--compare x` is not `NAME=...`"),
        (("--suite", "starter", "--counted"), 2, "`--counted` and `--suite` were given, expected one mode"),
        (("--lambda",), 2, "`bench --lambda` names no adapter"),
        (("--verify", "images"), 3, "`images` holds no run of `mivactl bench`"),
        (("--speed", "--rounds", "0"), 2, "`--rounds 0` is out of range"),
    ],
)
def test_what_can_not_be_compared_is_one_clear_error(
    folder: Path, capsys: CaptureFixture[str], arguments: tuple[str, ...], code: int, message: str
):
    assert run(["bench", *arguments, "-o", str(folder / "other")]) == code
    assert message in capsys.readouterr().err


def test_another_run_in_the_folder_is_not_written_over(folder: Path, capsys: CaptureFixture[str]):
    shutil.copy(folder / "images" / "waterfall" / "b.png", folder / "images" / "waterfall" / "c.png")
    assert run([*SUITE]) == 8
    assert "`run` holds another run, of suite `paper-single`" in capsys.readouterr().err


def test_speed_is_a_ratio_within_one_run(folder: Path, capsys: CaptureFixture[str]):
    assert folder.is_dir()
    assert run(["bench", "--speed", "--adapters", "1", "--rounds", "2", "--clips", "1", "--json"]) == 0
    bare, one = json.loads(capsys.readouterr().out)["data"]["speed"]["rows"]
    assert (bare["step_ratio"], bare["operations_ratio"]) == (1.0, 1.0)
    assert len(one["step_seconds"]) == 2
    assert len(one["clip_seconds"]) == 1
    assert one["operations_ratio"] > 1.0


def test_heat_maps_are_drawn_of_installed_adapters(folder: Path, capsys: CaptureFixture[str]):
    assert run(["bench", "--lambda", "my/waterfall", "-o", "maps", "--json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)["data"]["maps"]
    assert one["learned"]
    assert (folder / "maps" / "lambda.html").read_text().count("<svg") == 1
