"""What every registry promises for each capability it declares, whatever it is made of."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from mivactl.content import Content
from mivactl.registry.registry import Capability
from tests.mivactl.world import World, tensors, write_draft

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def studio(request: pytest.FixtureRequest, world: World, place: str) -> str:
    """Where builds are published that come out of the registry under test, where it can do what the test is about."""
    world.ok("registry", "add", "studio", place)
    needed = {Capability.PUBLISH, Capability.SEARCH}.union(*(mark.args for mark in request.node.iter_markers("needs")))
    # what is only read is published by its owner elsewhere, and brought there
    by_owner = {Capability.PUBLISH, Capability.STATUS} if world.after_change else set()
    missing = needed - by_owner - world.session().registry("studio").capabilities
    if missing:
        pytest.skip(f"`{place}` does not declare {', '.join(sorted(missing))}")
    return str(world.folder / "seed") if world.after_change else "studio"


def publish(
    world: World, registry: str, version: str = "1.0.0", name: str = "acme/waterfall", **changes: object
) -> Path:
    draft = write_draft(world.folder / "drafts" / f"{name}-{version}", name, version, **changes)
    world.ok("publish", draft, "--to", registry)
    return draft


def versions_found(world: World) -> list[tuple[str, str]]:
    found = world.ok("search", "--json", "acme/").data["adapters"]
    return [(entry["name"], entry["version"]) for entry in found]


def test_what_is_published_can_be_found_installed_and_verified(world: World, studio: str):
    publish(world, studio)
    assert versions_found(world) == [("acme/waterfall", "1.0.0")]
    assert "Falling water" in world.ok("info", "acme/waterfall").out
    world.ok("install", "acme/waterfall")
    world.ok("verify")
    (listed,) = world.ok("list", "--json").data["adapters"]
    assert listed["name"] == "acme/waterfall"
    counts = {
        entry["name"]: entry["adapter_count"] for entry in world.ok("registry", "list", "--json").data["registries"]
    }
    assert counts["studio"] == 1


def test_publishing_again_changes_nothing_and_other_bytes_are_refused(world: World, studio: str):
    draft = publish(world, studio)
    assert "was there already" in world.ok("publish", draft, "--to", studio).out
    other = write_draft(world.folder / "other", "acme/waterfall", "1.0.0", weights=tensors(seed=1))
    said = world.mivactl("publish", "--json", other, "--to", studio)
    assert said.exit_code == 8
    assert "is in registry `studio` already, with other content" in said.error["message"]
    assert said.error["hint"] == "published versions never change: raise `version` in release.toml"


@pytest.mark.needs(Capability.STATUS)
def test_a_withdrawn_version_is_passed_over_until_it_is_asked_for_by_number(world: World, studio: str):
    publish(world, studio, "1.0.0")
    publish(world, studio, "1.1.0", weights=tensors(seed=1))
    said = world.ok("yank", "acme/waterfall@==1.1.0", "--registry", studio, "--reason", "moves the sky")
    assert said.out == "acme/waterfall 1.1.0 for nano is withdrawn\n"
    assert versions_found(world) == [("acme/waterfall", "1.0.0")]
    assert "acme/waterfall 1.0.0" in world.ok("install", "acme/waterfall").out
    assert "moves the sky" in world.ok("why", "acme/waterfall").out
    world.ok("install", "acme/waterfall@==1.1.0")
    world.ok("unyank", "acme/waterfall@==1.1.0", "--registry", studio)
    assert versions_found(world) == [("acme/waterfall", "1.1.0")]


@pytest.mark.needs(Capability.STATUS)
def test_an_adapter_whose_builds_are_all_withdrawn_is_found_no_more(world: World, studio: str):
    publish(world, studio)
    world.ok("yank", "acme/waterfall@>=0", "--registry", studio)
    assert versions_found(world) == []
    said = world.mivactl("install", "--json", "acme/waterfall")
    assert said.exit_code == 4
    assert "it was withdrawn" in said.error["message"]


@pytest.mark.needs(Capability.STATUS)
def test_a_deprecated_build_names_what_takes_its_place(world: World, studio: str):
    publish(world, studio)
    changed = world.ok(
        "deprecate", "--json", "acme/waterfall@==1.0.0", "--registry", studio, "--successor", "acme/falls"
    ).data["changed"]
    assert [(build["status"], build["successor"]) for build in changed] == [("deprecated", "acme/falls")]
    (line,) = world.session().registry("studio").lines(world.session().registry("studio").names()[0])
    assert (line.status, line.successor) == ("deprecated", "acme/falls")


@pytest.mark.needs(Capability.STATUS)
@pytest.mark.parametrize(
    ("arguments", "exit_code", "error"),
    [
        (("acme/waterfall",), 2, "does not say which version"),
        (("acme/waterfall@latest",), 2, "does not say which version"),
        (("acme/waterfall@==9.0.0",), 3, "there is 1.0.0--nano"),
        (("acme/nothing@==1.0.0",), 3, "there is none"),
    ],
)
def test_a_status_is_changed_of_named_builds_only(world: World, studio: str, arguments, exit_code, error):
    publish(world, studio)
    said = world.mivactl("yank", "--json", *arguments, "--registry", studio)
    assert said.exit_code == exit_code
    assert error in said.error["message"]
    assert versions_found(world) == [("acme/waterfall", "1.0.0")]


@pytest.mark.needs(Capability.COMPARE_AND_SWAP)
@pytest.mark.parametrize("count", [3, pytest.param(8, marks=pytest.mark.acceptance)])
def test_of_several_who_publish_one_build_exactly_one_wins(world: World, studio: str, count: int):
    drafts = [
        write_draft(world.folder / f"racer{number}", "acme/waterfall", "1.0.0", weights=tensors(seed=number))
        for number in range(count)
    ]
    with ThreadPoolExecutor(count) as racers:
        ended = list(racers.map(lambda draft: world.in_new_process("publish", "--to", studio, draft), drafts))
    assert sorted(process.returncode for process in ended) == [0] + (count - 1) * [8], [
        process.stderr for process in ended
    ]
    registry = world.session().registry("studio")
    (line,) = registry.lines(registry.names()[0])
    assert registry.manifest(line).weights.digest == line.weights.digest
    world.ok("install", "acme/waterfall")
    world.ok("verify")


@pytest.mark.needs(Capability.COMPARE_AND_SWAP)
def test_all_who_publish_different_adapters_get_into_the_catalog(world: World, studio: str):
    drafts = [write_draft(world.folder / f"racer{number}", f"acme/motion{number}", "1.0.0") for number in range(3)]
    with ThreadPoolExecutor(3) as racers:
        ended = list(racers.map(lambda draft: world.in_new_process("publish", "--to", studio, draft), drafts))
    assert [process.returncode for process in ended] == 3 * [0], [process.stderr for process in ended]
    assert versions_found(world) == [(f"acme/motion{number}", "1.0.0") for number in range(3)]


@pytest.mark.needs(Capability.STATUS)
def test_a_registry_can_move_to_another_place_and_stay_in_step(world: World, place: str, studio: str):
    publish(world, studio, "1.0.0")
    copy = world.folder / "copy"
    assert world.ok("registry", "sync", "--json", place, copy).data["synced"]["new_builds"] == 1
    publish(world, studio, "1.1.0", weights=tensors(seed=1))
    world.ok("yank", "acme/waterfall@==1.0.0", "--registry", studio)
    assert world.ok("registry", "sync", "--json", place, copy).data["synced"]["new_builds"] == 1
    assert world.ok("registry", "sync", "--json", place, copy).data["synced"]["new_builds"] == 0
    origin = world.session().registry("studio")
    world.ok("registry", "remove", "studio")
    world.ok("registry", "add", "copy", copy)
    registry = world.session().registry("copy")
    (name,) = registry.names()
    assert registry.lines(name) == origin.lines(name)
    assert registry.config() == origin.config()
    assert versions_found(world) == [("acme/waterfall", "1.1.0")]
    world.ok("install", "acme/waterfall")
    world.ok("verify")


@pytest.mark.needs(Capability.MIRROR)
def test_one_registry_is_never_mixed_into_another(world: World, place: str, studio: str):
    other = world.folder / "other"
    world.ok("registry", "init", other)
    said = world.mivactl("registry", "sync", "--json", other, place)
    assert said.exit_code == 9
    assert "is registry `studio`" in said.error["message"]
    (world.folder / "letters").mkdir()
    (world.folder / "letters" / "mine.txt").write_text("dear")
    said = world.mivactl("registry", "sync", "--json", place, world.folder / "letters")
    assert said.exit_code == 9
    assert "holds something else" in said.error["message"]


@pytest.mark.needs(Capability.RESUME)
@pytest.mark.parametrize("offset_bytes", [0, 1, 100])
def test_a_file_is_read_from_anywhere_on(world: World, studio: str, offset_bytes: int):
    draft = publish(world, studio)
    registry = world.session().registry("studio")
    (line,) = registry.lines(registry.names()[0])
    weights = registry.manifest(line).weights
    content = Content(weights.digest, weights.size, "weights")
    with registry.open_file(content, offset_bytes=offset_bytes) as file:
        assert file.read() == (draft / "adapter.safetensors").read_bytes()[offset_bytes:]
