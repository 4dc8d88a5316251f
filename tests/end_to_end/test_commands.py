"""`animate`, `compose` and `replay` in one process: batches, interruption, presets, formats, the effect meter."""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from engine.progress import SilentProgress
from engine.video.clip_reader import read_clip
from mivactl.cli.app import run
from mivactl.operations.animate import AnimateOptions, animate_photos
from mivactl.operations.composition import Wanted
from mivactl.session import Session
from mivactl.settings import load_settings
from registry_schema.errors import Interrupted
from registry_schema.preset import Preset
from registry_schema.ref import AdapterRef
from tests.end_to_end.tiny_world import FRAMES, TinyWorld, write_adapter_draft, write_photo

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ADAPTERS = {"wave": {"seed": 1}, "rain": {"seed": 2, "region": "whole"}, "nothing": {"strength": 0.0}}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    world = TinyWorld(folder)
    for name, how in ADAPTERS.items():
        write_adapter_draft(folder / name, world.base_folder, f"my/{name}", **how)
        world.publish_and_install(folder / name, f"my/{name}")
        shutil.rmtree(folder / name)
    write_photo(folder / "photo.png")
    return folder


class Shell:
    """The command line in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: object) -> tuple[int, str, str]:
        self._capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        out, err = self._capsys.readouterr()
        return code, out, err

    def data(self, *arguments: object) -> dict:
        code, out, err = self(*arguments, "--json")
        assert code == 0, out + err
        return json.loads(out)["data"]


@pytest.fixture
def shell(folder: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


def test_a_batch_goes_on_after_a_failure_lists_it_and_exits_with_1(folder: Path, shell: Shell):
    (folder / "photos").mkdir()
    write_photo(folder / "photos" / "a.png")
    (folder / "photos" / "b.jpg").write_text("no photo")
    write_photo(folder / "photos" / "c.png", width=90, height=160, seed=3)
    code, out, err = shell("animate", "photos", "--use", "my/wave", "-o", "clips/")
    assert code == 1
    assert out == "clips/a-wave.mp4\nclips/c-wave.mp4\n"
    assert "error: 1 of 3 photos failed: `b.jpg` is a text file, expected a photo" in err
    assert read_clip(folder / "clips" / "c-wave.mp4").frames.shape == (FRAMES, 160, 90, 3)

    envelope = json.loads(shell("animate", "photos", "--use", "my/wave", "-o", "clips/", "--json")[1])
    assert not envelope["ok"]
    assert envelope["data"]["clips"] == []
    assert [job["outputs"] for job in envelope["data"]["kept"]] == [["clips/a-wave.mp4"], ["clips/c-wave.mp4"]]


def test_another_setting_is_another_clip(folder: Path, shell: Shell):
    write_photo(folder / "b.png")
    names = ("photo.png", "b.png", "--use", "my/wave")
    assert len(shell.data("animate", *names)["clips"]) == 2
    assert len(shell.data("animate", *names)["kept"]) == 2
    assert len(shell.data("animate", *names, "--seed", 7)["clips"]) == 2


def test_the_same_command_gives_the_same_frames_and_another_seed_others(shell: Shell):
    def digest(*more: object) -> str:
        clip = shell.data("animate", "photo.png", "--use", "my/wave", *more)["clips"][0]
        return clip["receipt"]["output"]["frames"]

    first = digest()
    assert digest() == first
    assert digest("--seed", 7) != first
    assert digest("--no-start-noise") != first


def test_what_moves_nothing_is_said(shell: Shell):
    code, _, err = shell("animate", "photo.png", "--use", "my/nothing", "--use", "my/wave", "-q")
    assert code == 0
    assert "warning: my/nothing at weight 0.5 moved nothing in photo.png" in err
    assert "try `--use my/nothing:1`" in err


def test_an_adapter_that_moves_the_whole_picture_leaves_nothing_still_around_it(folder: Path, shell: Shell):
    write_photo(folder / "wide.png", width=300, height=100)
    part = shell.data("animate", "wide.png", "--use", "my/wave", "-o", "part.apng")
    whole = shell.data("animate", "wide.png", "--use", "my/rain", "-o", "whole.apng")
    assert part["clips"][0]["moved"][0]["share"] > 0
    assert whole["clips"]
    still = read_clip(folder / "part.apng").frames
    assert still.shape[1:3] == (100, 300)
    assert np.array_equal(still[0, :, :40], still[-1, :, :40])
    assert read_clip(folder / "whole.apng").frames.shape[1:3] == (100, 132)


def test_one_render_is_written_in_every_format_and_replayed_from_each(folder: Path, shell: Shell):
    names = ("x.mp4", "x.webm", "x.gif", "x.webp", "x.apng", "frames")
    outputs = [part for name in names for part in ("-o", name)]
    made = shell.data("animate", "photo.png", "--use", "my/wave", *outputs, "--loop", "pingpong", "--fps", 12)
    assert made["clips"][0]["outputs"] == list(names)
    for name in names:
        assert len(read_clip(folder / name).frames) == 2 * FRAMES - 2, name
        facts = json.loads((folder / f"{name}.json").read_text())
        assert facts["settings"]["loop"] == "pingpong"
    for name in ("x.gif", "frames"):
        code, out, err = shell("replay", name)
        assert (code, out.startswith("same: ")) == (0, True), out + err


def test_ctrl_c_keeps_what_there_is(folder: Path):
    class Impatient(SilentProgress):
        """Presses Ctrl-C after the second step."""

        @contextmanager
        def phase(self, name: str, total: int | None) -> Iterator[Impatient]:
            self.count = 0 if name == "sampling" else -1000
            yield self

        def advance(self, n: int = 1, **facts: float | str) -> None:
            self.count += n
            if self.count == 2:
                raise KeyboardInterrupt

    options = AnimateOptions(photos=("photo.png",), wanted=Wanted(refs=(AdapterRef.parse("my/wave"),)))
    session = Session(load_settings({"MIVACTL_HOME": str(folder / "home")}))
    with pytest.raises(Interrupted) as caught:
        animate_photos(options, session, progress=Impatient())
    assert caught.value.exit_code == 130
    assert "photo-wave.partial.mp4" in caught.value.message
    assert read_clip(folder / "photo-wave.partial.mp4").frames.shape == (FRAMES, 130, 200, 3)
    assert not (folder / "photo-wave.mp4").exists()


def test_a_preset_keeps_builds_and_weights_and_shows_conflicts(folder: Path, shell: Shell):
    made = shell.data("compose", "my/wave:0.5", "my/rain:0.5", "-o", "storm.toml", "--photo", "photo.png")
    preset = Preset.parse((folder / "storm.toml").read_bytes())
    assert [(str(one.name), one.weight) for one in preset.adapters] == [("my/wave", 0.5), ("my/rain", 0.5)]
    assert {one["kind"] for one in made["summary"]} == {"self", "cross", "temporal"}
    assert all(-1 <= one["cosine"] <= 1 for one in made["cosines"])
    grid = read_clip(folder / "storm.mp4").frames
    assert len(grid) == FRAMES
    assert grid.shape[2] > 5 * 64

    alone = shell.data("animate", "photo.png", "--use", "my/wave:0.5", "--use", "my/rain:0.5", "-o", "a.mp4")
    kept = shell.data("animate", "photo.png", "--preset", "storm.toml", "-o", "b.mp4")
    assert alone["clips"][0]["receipt"]["output"] == kept["clips"][0]["receipt"]["output"]


def test_replay_finds_the_photo_by_its_bytes_and_takes_the_same_picture_in_another_file(folder: Path, shell: Shell):
    shell.data("animate", "photo.png", "--use", "my/wave", "-o", "clip.mp4")
    (folder / "photo.png").rename(folder / "renamed.png")
    assert shell.data("replay", "clip.mp4", "-o", "again.mp4")["verdict"] == "same"
    assert (folder / "again.mp4").read_bytes()[:8] == (folder / "clip.mp4").read_bytes()[:8]

    Image.open(folder / "renamed.png").save(folder / "elsewhere.bmp")
    (folder / "renamed.png").unlink()
    assert shell("replay", "clip.mp4")[0] == 3
    assert shell.data("replay", "clip.mp4", "--photo", "elsewhere.bmp")["verdict"] == "same"
    write_photo(folder / "other.png", seed=9)
    assert shell("replay", "clip.mp4", "--photo", "other.png")[0] == 5


def test_a_preview_is_replayed_with_the_build_it_was_published_in(folder: Path, shell: Shell):
    """That build's manifest lists the preview, so the receipt could not name it; the weights are the same."""
    draft = write_adapter_draft(folder / "draft", folder / "home" / "bases" / "tiny", "my/wave", **ADAPTERS["wave"])
    write_photo(draft / "preview.png")
    made = shell.data("animate", str(draft / "preview.png"), "--use", "my/wave", "-o", str(draft / "preview.webp"))
    shell.data("uninstall", "my/wave")
    shutil.rmtree(folder / "home" / "registry")
    published = shell.data("publish", str(draft))["publication"]
    assert published["digest"] != made["clips"][0]["receipt"]["adapters"][0]["manifest"]
    assert shell.data("replay", str(draft / "preview.webp"), "--yes")["verdict"] == "same"


def test_a_clip_with_another_clips_receipt_beside_it_is_noticed(folder: Path, shell: Shell):
    shell.data("animate", "photo.png", "--use", "my/wave", "-o", "a.mp4")
    shell.data("animate", "photo.png", "--use", "my/wave", "-o", "b.mp4", "--seed", 7)
    shutil.copy(folder / "a.mp4.json", folder / "b.mp4.json")
    code, _, err = shell("replay", "b.mp4")
    assert code == 5
    assert "is not the one inside `b.mp4`" in err
