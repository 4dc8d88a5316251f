"""Which base runs when nobody says so: the best that is here, that this machine runs and that all adapters fit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from engine.machine import GIB, Machine, this_machine
from mivactl.operations.choosing import choose
from registry_schema.base_spec import BaseSpec
from registry_schema.errors import Incompatible
from registry_schema.ref import AdapterRef
from tests.mivactl.world import NANO, WAN, World, write_draft
from tests.registry_schema.samples import adapter_spec, digest

if TYPE_CHECKING:
    from collections.abc import Iterator

SMALL, LARGE = 1_000_000, 1_300_000_000
REFS = (AdapterRef.parse("my/waterfall"), AdapterRef.parse("my/clouds"))


def base(name: str) -> BaseSpec:
    plain = NANO.plain() | {"name": name, "architecture": digest(name), "weights": digest(f"{name}'s weights")}
    return BaseSpec.from_plain(plain, source="base.json")


def give_weights(world: World, name: str, parameters: int) -> None:
    """A denoiser of so many numbers, as far as its header says; there is nothing behind it."""
    folder = world.home / "bases" / name / "unet"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    entry = {"dtype": "F16", "shape": [parameters], "data_offsets": [0, 2 * parameters]}
    header = json.dumps({"weight": entry}).encode()
    with (folder / "diffusion_pytorch_model.safetensors").open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + 2 * parameters)


def publish(world: World, spec: BaseSpec, *names: str) -> None:
    world.add_base(spec)
    for name in names:
        world.ok("publish", write_draft(world.folder / f"{name}-{spec.name}", name, spec=adapter_spec(spec)))


@pytest.fixture(autouse=True)
def _on_a_processor(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Without the graphics card that the machine under the tests may have."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr("platform.system", lambda: "Linux")
    this_machine.cache_clear()
    yield
    this_machine.cache_clear()


@pytest.fixture
def both(world: World) -> World:
    """Adapters for `nano` and for `bright`, a base of one's own; both bases with weights."""
    publish(world, NANO, "my/waterfall", "my/clouds")
    publish(world, base("bright"), "my/waterfall", "my/clouds")
    give_weights(world, "nano", 2 * SMALL)
    return world


def test_the_best_base_with_weights_is_taken(both: World):
    chosen = choose(REFS, both.session())
    assert (chosen.base.spec.name, [build.candidate.line.base.name for build in chosen.builds]) == (
        "nano",
        ["nano"] * 2,
    )
    give_weights(both, "bright", SMALL)
    chosen = choose(REFS, both.session())
    assert chosen.base.spec.name == "bright"
    assert chosen.reason == "the best base on this machine with a build of each adapter"


def test_the_larger_of_ones_own_bases_is_the_better_one(both: World):
    publish(both, base("brighter"), "my/waterfall", "my/clouds")
    give_weights(both, "bright", SMALL)
    give_weights(both, "brighter", 3 * SMALL)
    assert choose(REFS, both.session()).base.spec.name == "brighter"


def test_a_base_that_lacks_a_build_is_passed_over(both: World):
    publish(both, base("brighter"), "my/clouds")
    give_weights(both, "brighter", 3 * SMALL)
    chosen = choose(REFS, both.session())
    assert chosen.base.spec.name == "nano"
    assert chosen.reason == "no other base that this machine runs has a build of each adapter"
    assert choose(REFS[1:], both.session()).base.spec.name == "brighter"


def test_a_base_this_machine_can_not_run_is_taken_only_when_asked_for(both: World):
    give_weights(both, "bright", LARGE)
    chosen = choose(REFS, both.session())
    assert chosen.base.spec.name == "nano"
    assert "`bright` would take hours without a graphics card" in chosen.reason or "more memory" in chosen.reason
    assert choose(REFS, both.session(), base="bright").reason == "you asked for it"
    assert choose(REFS, both.session(base="bright", base_was_chosen=True)).reason == "your settings name it"


def test_nothing_with_weights_is_an_error_with_a_way_out(world: World):
    publish(world, base("bright"), "my/waterfall")
    with pytest.raises(Incompatible) as caught:
        choose(REFS[:1], world.session())
    assert caught.value.hint == "`mivactl base list` shows the bases"


def test_a_base_that_is_not_here_says_how_to_get_it(world: World):
    publish(world, base("bright"), "my/waterfall")
    photo = world.folder / "photo.png"
    said = world.mivactl("animate", photo, "--use", "my/waterfall", "--base", "bright", "--yes")
    assert said.exit_code == 3
    assert "error: the weights of base `bright` are not on this machine" in said.err
    said = world.mivactl("animate", photo, "--use", "my/waterfall", "--base", "animatediff-v3", "--yes")
    assert said.exit_code == 3
    assert "hint: `mivactl base fetch animatediff-v3` downloads it, `mivactl base add animatediff-v3 --from" in said.err


@pytest.mark.parametrize(
    ("machine", "small", "large"),
    [
        (Machine("cuda", 24 * GIB), "runs", "runs"),
        (Machine("cuda", 4 * GIB), "runs", "too large"),
        (Machine("mps", 16 * GIB), "runs", "runs"),
        (Machine("cpu", 64 * GIB), "runs", "slow"),
        (Machine("cpu", 2 * GIB), "runs", "too large"),
        (Machine("cpu", 0), "runs", "slow"),
    ],
)
def test_what_a_machine_has_room_for(machine: Machine, small: str, large: str):
    assert (machine.room_for(SMALL), machine.room_for(LARGE)) == (small, large)


def test_this_machine_is_known_without_torch():
    machine = this_machine()
    assert machine.device == "cpu"
    assert machine.memory_bytes > GIB


def test_the_list_says_what_is_here_what_fits_and_what_can_be_fetched(both: World):
    give_weights(both, "bright", LARGE)
    both.add_base(WAN)
    listed = {entry["name"]: entry for entry in both.ok("base", "list", "--json").data["bases"]}
    assert {name: entry["state"] for name, entry in listed.items()} == {
        "bright": "installed",
        "nano": "installed",
        "wan2.1-t2v-1.3b": "without weights",
        "animatediff-v3": "can be fetched",
    }
    assert listed["nano"]["room"] == "runs"
    assert listed["bright"]["room"] in {"slow", "too large"}
    assert listed["bright"]["size_bytes"] > 2 * LARGE
    assert listed["wan2.1-t2v-1.3b"]["room"] is None
    table = both.ok("base", "list").out
    assert "`mivactl base fetch animatediff-v3`" in table
    assert "this machine" in table.splitlines()[0]


def test_broken_weights_of_one_base_do_not_hide_the_others(both: World):
    give_weights(both, "bright", SMALL)
    path = both.home / "bases" / "bright" / "unet" / "diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:50])
    assert choose(REFS, both.session()).base.spec.name == "nano"
    assert both.ok("base", "list", "--json").data["bases"][0]["room"] is None
    said = both.mivactl("base", "verify", "bright")
    assert said.exit_code == 5
