"""A base in the layout of the large ones, from folders to a clip: added, trained on, run with other weights."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mivactl.cli.app import run
from tests.end_to_end.tiny_world import write_adapter_draft, write_clips, write_photo
from tests.published_tiny import ADAPTER, SD15, WAN, write_publications, write_repositories

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Shell = Callable[..., tuple[int, str, str]]

NAME, OTHER = "animatediff-v3", "wan2.1-t2v-1.3b"
SHORT = ("--steps", "2", "--frames", "4", "--size", "base")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with three added bases, two of one architecture, and an adapter for the first."""
    folder = tmp_path_factory.mktemp("world")
    first, second = (write_repositories(folder / f"hub-{seed}", seed=seed) for seed in (0, 1))
    write_publications(folder / "home" / "published", first)
    draft = folder / "draft"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIVACTL_HOME", str(folder / "home"))
        for name, parts in ((NAME, (first / SD15, first / ADAPTER)), ("dreams", (second / SD15, second / ADAPTER))):
            assert run(["base", "add", name, "--from", str(parts[0]), "--from", str(parts[1]), "--quiet"]) == 0
        assert run(["base", "add", OTHER, "--from", str(first / WAN), "--quiet"]) == 0
        write_adapter_draft(draft, folder / "home" / "bases" / NAME, "my/wave")
        assert run(["publish", str(draft), "--quiet"]) == 0
        assert run(["install", "my/wave", "--quiet"]) == 0
    write_photo(folder / "photo.png", width=128, height=128)
    return folder


@pytest.fixture
def shell(template: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """The command line in this process, which has torch loaded already."""
    monkeypatch.setenv("MIVACTL_HOME", str(template / "home"))
    monkeypatch.chdir(template)

    def call(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        return code, *capsys.readouterr()

    return call


def frames_of(shell: Shell, out: str, *options: str) -> str:
    """Digest of the frames that `animate` makes."""
    code, answer, _ = shell("animate", "photo.png", "--use", "my/wave", *SHORT, *options, "-o", out, "--json")
    assert code == 0, answer
    return json.loads(answer)["data"]["clips"][0]["receipt"]["output"]["frames"]


def test_a_photo_moves_on_the_base_its_adapter_was_trained_on(shell: Shell, template: Path):
    code, _, err = shell("animate", "photo.png", "--use", "my/wave", *SHORT, "-o", "own.gif")
    assert code == 0, err
    assert f"base {NAME}: the best base on this machine with a build of each adapter" in err
    assert "motion may differ" not in err
    assert (template / "own.gif").is_file()


def test_other_weights_of_its_architecture_run_it_with_a_note(shell: Shell):
    code, _, err = shell("animate", "photo.png", "--use", "my/wave", *SHORT, "--base", "dreams", "-o", "dreams.gif")
    assert code == 0, err
    assert f"of `{NAME}`, base `dreams` has" in err
    assert "motion may differ" in err
    assert frames_of(shell, "own-too.gif", "--base", NAME) != frames_of(shell, "dreams-too.gif", "--base", "dreams")


def test_another_architecture_is_refused(shell: Shell, template: Path):
    code, _, err = shell("animate", "photo.png", "--use", "my/wave", "--base", OTHER, "-o", "no.gif")
    assert code == 4
    assert f"trained on base `{NAME}` with architecture" in err
    assert not (template / "no.gif").exists()


@pytest.mark.parametrize("base", [NAME, OTHER])
def test_an_adapter_is_trained_on_it(shell: Shell, template: Path, base: str):
    if not (template / "clips").exists():
        write_clips(template / "clips", count=2)
    sets = ("adapter.ranks.cross_frame_attention=4", "adapter.ranks.implicit_prompt=4", "clips.windows=1")
    options = [*(word for entry in sets for word in ("--set", entry)), "--vram", "6"]
    out = f"new-{base}"
    code, _, err = shell("train", "clips", "--base", base, "--name", "my/new", "-o", out, "--steps", "2", *options)
    assert code == 0, err
    spec = json.loads((template / out / "adapter.json").read_text())
    assert spec["base"]["name"] == base
    assert spec.get("motion_norm") == ("frame" if base == NAME else None)
    assert spec["noise_schedule"].get("betas") == ("scaled_linear" if base == NAME else None)


@pytest.mark.acceptance
@pytest.mark.parametrize("base", [NAME, OTHER])
def test_the_whole_way_from_clips_to_a_replayed_clip(shell: Shell, template: Path, base: str):
    """50 training steps, then publish, install, animate, compose and replay, as a person types them."""

    def ok(*arguments: object) -> str:
        code, out, err = shell(*arguments)
        assert code == 0, err
        return out

    if not (template / "clips").exists():
        write_clips(template / "clips", count=2)
    sets = ("adapter.ranks.cross_frame_attention=4", "adapter.ranks.implicit_prompt=4", "clips.windows=1")
    options = [word for entry in sets for word in ("--set", entry)]
    name, draft = f"my/whole-{base[:3]}", f"whole-{base}"
    ok("train", "clips", "--base", base, "--name", name, "-o", draft, "--steps", "50", *options)
    log = (template / draft / "training.json").read_text()
    assert json.loads(log)["steps"] == 50
    (template / draft / "release.toml").write_text(
        f'name = "{name}"\nversion = "1.0.0"\ntitle = "A test"\nsummary = "A test"\nlicence = "Apache-2.0"\n'
    )
    ok("publish", draft)
    ok("install", name)
    frames = "5" if base == OTHER else "4"
    short = ("--steps", "2", "--frames", frames, "--size", "base", "--base", base)
    ok("animate", "photo.png", "--use", name, *short, "-o", f"{draft}.mp4")
    assert "same" in ok("replay", f"{draft}.mp4", "-o", f"{draft}-again.mp4")
    ok("compose", f"{name}:1", "--base", base, "-o", f"{draft}.toml")
    ok("animate", "photo.png", "--preset", f"{draft}.toml", *short, "-o", f"{draft}-preset.mp4")
    assert (template / f"{draft}-preset.mp4").stat().st_size > 0
