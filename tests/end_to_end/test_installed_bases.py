"""A base in the layout of the large ones, from folders to a clip: added, trained on, run with other weights."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.tiny_world import TinyWorld, write_adapter_draft, write_clips, write_photo
from tests.published_tiny import ADAPTER, SD15, WAN, write_publications, write_repositories

if TYPE_CHECKING:
    from pathlib import Path

NAME = "animatediff-v3"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> TinyWorld:
    folder = tmp_path_factory.mktemp("world")
    world = TinyWorld(folder)
    (world.home / "config.toml").unlink()
    for name, seed in ((NAME, 0), ("dreams", 1)):
        hub = write_repositories(folder / f"hub-{name}", seed=seed)
        if seed == 0:
            write_publications(world.home / "published", hub)
            world.ok("base", "add", "wan2.1-t2v-1.3b", "--from", hub / WAN)
        world.ok("base", "add", name, "--from", hub / SD15, "--from", hub / ADAPTER)
    write_adapter_draft(folder / "draft", world.home / "bases" / NAME, "my/wave")
    world.publish_and_install(folder / "draft", "my/wave")
    write_photo(folder / "photo.png", width=128, height=128)
    return world


def animate(world: TinyWorld, out: str, *options: str):
    short = ("--steps", "2", "--frames", "4", "--size", "base")
    return world.ok("animate", "photo.png", "--use", "my/wave", *short, *options, "-o", out, "--json").data


def receipt(data: dict) -> dict:
    return data["clips"][0]["receipt"]


def test_a_photo_moves_on_the_base_its_adapter_was_trained_on(world: TinyWorld):
    data = animate(world, "own.gif")
    assert data["base"] == NAME
    assert receipt(data)["base"]["name"] == NAME
    assert (world.folder / "own.gif").is_file()
    assert world.ok("replay", "own.gif").code == 0


def test_other_weights_of_its_architecture_run_it_with_a_note(world: TinyWorld):
    short = ("--steps", "2", "--frames", "4", "--size", "base")
    said = world.ok("animate", "photo.png", "--use", "my/wave", *short, "--base", "dreams", "-o", "dreams.gif")
    assert f"of `{NAME}`, base `dreams` has" in said.err
    assert "motion may differ" in said.err
    own, other = receipt(animate(world, "a.gif")), receipt(animate(world, "b.gif", "--base", "dreams"))
    assert own["output"]["frames"] != other["output"]["frames"]


def test_another_architecture_is_refused(world: TinyWorld):
    said = world.mivactl("animate", "photo.png", "--use", "my/wave", "--base", "wan2.1-t2v-1.3b", "-o", "no.gif")
    assert said.code == 4
    assert f"trained on base `{NAME}` with architecture" in said.err
    assert not (world.folder / "no.gif").exists()


@pytest.mark.parametrize("base", [NAME, "wan2.1-t2v-1.3b"])
def test_an_adapter_is_trained_on_it(world: TinyWorld, base: str):
    clips = world.folder / "clips"
    if not clips.exists():
        write_clips(clips)
    sets = ("adapter.ranks.cross_frame_attention=4", "adapter.ranks.implicit_prompt=4", "clips.windows=1")
    options = [word for entry in sets for word in ("--set", entry)]
    world.ok("train", clips, "--base", base, "--name", "my/new", "-o", f"new-{base}", "--steps", "2", *options)
    spec = json.loads((world.folder / f"new-{base}" / "adapter.json").read_text())
    assert spec["base"]["name"] == base
    assert spec.get("motion_norm") == ("frame" if base == NAME else None)
    assert spec["noise_schedule"]["kind"] == ("diffusion" if base == NAME else "flow")
    if base == NAME:
        assert spec["noise_schedule"]["betas"] == "scaled_linear"
