"""`update`, `outdated` and `tree`: what is newer, what changes, what a project consists of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from registry_schema.lock import Lock
from tests.mivactl.registry_edits import change_line
from tests.mivactl.world import WAN, World, tensors, write_draft
from tests.registry_schema.samples import adapter_spec

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(world: World, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with `my/waterfall` and `my/clouds` 1.0.0 locked; then more is published."""
    folder = world.folder / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    world.publish("my/waterfall", "1.0.0")
    world.publish("my/clouds", "1.0.0")
    world.ok("lock", "my/waterfall@<1.3", "my/clouds")
    return folder


def entries(project: Path) -> dict[str, str]:
    lock = Lock.parse((project / "miva.lock").read_bytes())
    return {str(entry.name): f"{entry.version} ({entry.range})" for entry in lock.adapters}


def test_an_update_stays_in_range_and_major_and_says_whether_tensors_changed(world: World, project: Path):
    world.publish("my/waterfall", "1.1.0", weights=tensors(5))
    world.publish("my/waterfall", "1.1.1", weights=tensors(5))
    world.publish("my/waterfall", "1.3.0")
    world.publish("my/waterfall", "1.2.0rc1")
    world.publish("my/clouds", "2.0.0")
    world.publish("my/clouds", "1.0.1")
    assert world.ok("update", "my/waterfall").out == "my/waterfall 1.0.0 -> 1.1.1: tensors changed\n"
    assert entries(project) == {"my/clouds": "1.0.0 ()", "my/waterfall": "1.1.1 (<1.3)"}
    assert world.ok("update").out == "my/clouds 1.0.0 -> 1.0.1: tensors changed\n"
    assert world.ok("update").out == ""
    world.publish("my/waterfall", "1.1.2", weights=tensors(5))
    assert world.ok("update").out == "my/waterfall 1.1.1 -> 1.1.2: same tensors\n"


def test_a_new_major_is_crossed_to_only_when_asked_and_moves_the_range(world: World, project: Path):
    world.publish("my/waterfall", "2.1.0")
    world.publish("my/clouds", "3.0.0")
    assert world.ok("update").out == ""
    assert world.ok("update", "--major", "my/waterfall").out == (
        "my/waterfall 1.0.0 -> 2.1.0: tensors changed, range <1.3 -> <3,>=2.1.0\n"
    )
    assert world.ok("update", "--major").out == "my/clouds 1.0.0 -> 3.0.0: tensors changed\n"
    assert entries(project) == {"my/clouds": "3.0.0 ()", "my/waterfall": "2.1.0 (<3,>=2.1.0)"}


def test_an_update_leaves_a_withdrawn_build_even_for_an_older_one(world: World, project: Path):
    world.publish("my/waterfall", "1.1.0")
    world.ok("update")
    change_line(world.session().local, "my/waterfall", "1.1.0", status="yanked", note="it flickers")
    assert world.ok("update").out == "my/waterfall 1.1.0 -> 1.0.0: tensors changed\n"
    change_line(world.session().local, "my/waterfall", "1.0.0", status="yanked")
    before = (project / "miva.lock").read_bytes()
    said = world.mivactl("update")
    assert said.exit_code == 4
    assert "it was withdrawn" in said.err
    assert (project / "miva.lock").read_bytes() == before


def test_only_names_of_the_lock_can_be_updated(world: World, project: Path):
    said = world.mivactl("update", "my/rain")
    assert said.exit_code == 3
    assert "`my/rain` is not in `miva.lock`" in said.err


def test_outdated_tells_the_four_things_apart(world: World, project: Path):
    assert "nothing is outdated" in world.ok("outdated").err
    world.publish("my/waterfall", "1.1.0")
    world.publish("my/waterfall", "1.4.0")
    world.publish("my/waterfall", "1.2.0")
    change_line(world.session().local, "my/waterfall", "1.2.0", status="yanked")
    world.publish("my/waterfall", "2.0.0")
    world.publish("my/cascade", "1.0.0")
    change_line(world.session().local, "my/clouds", "1.0.0", status="deprecated", note="use mist", successor="my/mist")
    found = {entry["name"]: entry for entry in world.ok("outdated", "--json").data["adapters"]}
    assert found["my/waterfall"] == {
        "name": "my/waterfall",
        "version": "1.0.0",
        "base": "nano",
        "in_range": "1.1.0",
        "major": "2.0.0",
        "status": "active",
        "note": None,
        "successor": None,
    }
    assert (found["my/clouds"]["status"], found["my/clouds"]["successor"]) == ("deprecated", "my/mist")
    table = world.ok("outdated").out
    assert "deprecated: use mist -> my/mist" in table
    change_line(world.session().local, "my/clouds", "1.0.0", status="yanked", note="it flickers")
    assert "yanked: it flickers" in world.ok("outdated").out


def test_a_newer_version_for_another_base_is_none(world: World, project: Path):
    world.add_base(WAN)
    world.ok("publish", write_draft(world.folder / "w", "my/clouds", "1.5.0", spec=adapter_spec(WAN)))
    assert world.ok("outdated", "--json").data["adapters"] == []
    assert world.ok("update").out == ""


def test_without_a_lock_outdated_looks_at_what_is_installed(world: World, project: Path):
    world.ok("install", "my/clouds")
    (project / "miva.lock").unlink()
    world.publish("my/clouds", "1.1.0")
    (found,) = world.ok("outdated", "--json").data["adapters"]
    assert (found["name"], found["version"], found["in_range"]) == ("my/clouds", "1.0.0", "1.1.0")


def test_a_tree_goes_from_the_project_to_its_files(world: World, project: Path):
    world.ok("install", "my/clouds")
    assert world.ok("tree").out.splitlines()[:3] == [
        "project",
        "  base nano",
        "    my/clouds 1.0.0 from local",
    ]
    assert "    my/waterfall 1.0.0 (<1.3) from local, not installed" in world.ok("tree").out
    assert "sha256:" not in world.ok("tree").out
    verbose = world.ok("tree", "-v").out
    data = world.ok("tree", "--json").data["tree"]
    digests = [data["weights"]]
    for adapter in data["adapters"]:
        digests += [adapter["manifest"], *(file["digest"] for file in adapter["files"])]
        assert {file["kind"] for file in adapter["files"]} == {"weights", "readme"}
    assert [word for word in verbose.split() if word.startswith("sha256:")] == digests
