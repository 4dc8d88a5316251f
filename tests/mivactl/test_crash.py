"""The process is killed at every named point: store and registry are valid each time, and the next run goes through."""

from __future__ import annotations

import pytest

from mivactl.crash_point import CRASH_POINTS, VARIABLE
from mivactl.operations.verify import verify
from registry_schema.lock import Lock
from tests.mivactl.world import World, write_draft

STORE_POINTS = [point for point in CRASH_POINTS if point.startswith("store.")]
REGISTRY_POINTS = [point for point in CRASH_POINTS if point.startswith("registry.")]
GC_POINTS = [point for point in CRASH_POINTS if point.startswith("gc.")]
LOCK_POINTS = [point for point in CRASH_POINTS if point.startswith("lock.")]
GALLERY_POINTS = [point for point in CRASH_POINTS if point.startswith("gallery.")]  # in test_site.py
HUB_POINTS = [point for point in CRASH_POINTS if point.startswith("hub.")]  # in registries/test_hub_publication.py
KILLED = 137
COMMITTED = {"store.committed", "store.pointer-changed", "store.applied", "store.swept"}
# Only a removal sweeps, and only an installation copies.
NOT_IN_INSTALL = {"store.swept"}
NOT_IN_UNINSTALL = {"store.blob-half-written", "store.blob-staged", "store.blob-placed"}


def installed(world: World) -> set[str]:
    return {build.line.name for build in world.session().store.installed()}


def assert_store_is_whole(world: World) -> None:
    found = verify((), world.session())
    assert found.problems == ()
    store = world.session().store
    needed = {digest for build in store.installed() for digest in build.pointer.guards}
    there = {
        f"sha256:{path.parent.name}{path.name}"
        for folder in (store.layout.blobs, store.layout.manifests)
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert needed <= there


@pytest.mark.parametrize("point", [point for point in STORE_POINTS if point not in NOT_IN_INSTALL])
def test_an_installation_killed_anywhere_is_done_or_not_done(world: World, point: str):
    for name in ("my/old", "my/waterfall", "my/clouds"):
        world.publish(name)
    world.ok("install", "my/old")
    killed = world.in_new_process("install", "my/waterfall", "my/clouds", **{VARIABLE: point})
    assert killed.returncode == KILLED, killed.stderr
    both = {"my/old", "my/waterfall", "my/clouds"}
    assert installed(world) == (both if point in COMMITTED else {"my/old"})
    assert_store_is_whole(world)
    world.ok("install", "my/waterfall", "my/clouds")
    assert installed(world) == both
    assert_store_is_whole(world)
    assert not list(world.session().store.layout.staging.iterdir()) or point in COMMITTED
    world.ok("uninstall", "my/old", "my/waterfall", "my/clouds")
    assert not [path for path in world.session().store.layout.blobs.rglob("*") if path.is_file()]
    assert not list(world.session().store.layout.staging.iterdir())


@pytest.mark.parametrize("point", [point for point in STORE_POINTS if point not in NOT_IN_UNINSTALL])
def test_a_removal_killed_anywhere_is_done_or_not_done(world: World, point: str):
    for name in ("my/old", "my/waterfall", "my/clouds"):
        world.publish(name)
        world.ok("install", name)
    killed = world.in_new_process("uninstall", "my/waterfall", "my/clouds", **{VARIABLE: point})
    assert killed.returncode == KILLED, killed.stderr
    assert installed(world) == ({"my/old"} if point in COMMITTED else {"my/old", "my/waterfall", "my/clouds"})
    assert_store_is_whole(world)
    world.ok("install", "my/waterfall", "my/clouds")
    assert_store_is_whole(world)
    assert installed(world) == {"my/old", "my/waterfall", "my/clouds"}


@pytest.mark.parametrize("point", REGISTRY_POINTS)
def test_a_publication_killed_anywhere_is_done_or_not_done(world: World, point: str):
    world.publish(version="1.0.0")
    draft = write_draft(world.folder / "next", version="1.1.0")
    killed = world.in_new_process("publish", draft, **{VARIABLE: point})
    assert killed.returncode == KILLED, killed.stderr
    registry = world.session().local
    done = point in {"registry.index-placed", "registry.catalog-placed"}
    (name,) = registry.names()
    lines = registry.lines(name)
    assert [str(line.version) for line in lines] == (["1.0.0", "1.1.0"] if done else ["1.0.0"])
    assert [str(registry.manifest(line).version) for line in lines] == [str(line.version) for line in lines]
    again = world.ok("publish", "--json", draft).data["publication"]
    assert again["is_new"] is not done
    assert [entry["version"] for entry in world.ok("search", "--json", "my/").data["adapters"]] == ["1.1.0"]
    assert "1.1.0" in world.ok("install", "my/waterfall").out
    assert_store_is_whole(world)
    unfinished = ("incoming/*", "index/*/.*.jsonl.*", ".catalog*")
    assert [path for pattern in unfinished for path in registry.root.glob(pattern)] == []


@pytest.mark.parametrize("command", [("gc",), ("cache", "clear")], ids=" ".join)
@pytest.mark.parametrize("point", GC_POINTS)
def test_a_collection_killed_anywhere_costs_nothing_that_is_needed(world: World, point: str, command: tuple[str, ...]):
    for name in ("my/old", "my/waterfall", "my/clouds"):
        world.publish(name)
    world.ok("install", "my/old", "my/waterfall")
    layout = world.session().store.layout
    # garbage of each kind: staged files of a process that died, and files whose pointer is gone
    assert world.in_new_process("install", "my/clouds", **{VARIABLE: "store.all-staged"}).returncode == KILLED
    lost = next(build for build in world.session().store.installed() if build.line.name == "my/waterfall")
    (layout.installed / lost.place).unlink()
    killed = world.in_new_process(*command, **{VARIABLE: point})
    assert killed.returncode == KILLED, killed.stderr
    assert installed(world) == {"my/old"}
    assert_store_is_whole(world)
    world.ok(*command)
    assert list(layout.staging.iterdir()) == []
    world.ok("install", "my/waterfall", "my/clouds")
    assert installed(world) == {"my/old", "my/waterfall", "my/clouds"}
    assert_store_is_whole(world)


@pytest.mark.parametrize("point", LOCK_POINTS)
def test_a_lock_that_is_killed_anywhere_is_the_old_one_or_the_new_one(world: World, point: str):
    project = world.folder / "project"
    project.mkdir()
    world.publish("my/waterfall")
    world.publish("my/clouds")
    world.ok("lock", "my/waterfall", "--project", project)
    before = (project / "miva.lock").read_bytes()
    killed = world.in_new_process("lock", "my/clouds", "--project", project, **{VARIABLE: point})
    assert killed.returncode == KILLED, killed.stderr
    now = Lock.parse((project / "miva.lock").read_bytes())
    assert len(now.adapters) == (2 if point == "lock.placed" else 1)
    assert (now.to_bytes() == before) is (point == "lock.staged")
    world.ok("sync", "--project", project)
    world.ok("lock", "my/clouds", "--project", project)
    assert len(Lock.parse((project / "miva.lock").read_bytes()).adapters) == 2
    world.ok("lock", "--remove", "my/clouds", "--project", project)
    assert [path.name for path in project.iterdir()] == ["miva.lock"]


def test_every_crash_point_is_reached_by_one_of_these_stories():
    told = {*STORE_POINTS, *REGISTRY_POINTS, *GC_POINTS, *LOCK_POINTS, *GALLERY_POINTS, *HUB_POINTS}
    assert told == set(CRASH_POINTS)
    assert not NOT_IN_INSTALL & NOT_IN_UNINSTALL
