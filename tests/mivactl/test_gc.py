"""What nothing needs goes after a day; what is installed, in use or named by a project stays."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from mivactl.operations.cache import clear_cache
from mivactl.operations.collect_garbage import collect_garbage
from mivactl.operations.install import InstallOptions, install
from mivactl.operations.sealed_base import shelf_of
from mivactl.ownership import ABANDONED_SECONDS, Owner
from mivactl.settings import load_settings
from mivactl.store.garbage import GarbagePolicy
from registry_schema.errors import IntegrityProblem, ResourceProblem
from registry_schema.names import BaseName
from registry_schema.ref import AdapterRef
from tests.mivactl.world import REPOSITORY, World

if TYPE_CHECKING:
    from mivactl.store.pointer import InstalledBuild

DAY = ABANDONED_SECONDS


def later(seconds: float = 2 * DAY) -> GarbagePolicy:
    return GarbagePolicy(now=time.time() + seconds)


def contents(world: World) -> set[str]:
    return {path.parent.name + path.name for path in world.session().store.layout.contents()}


def installed(world: World, name: str) -> InstalledBuild:
    return next(build for build in world.session().store.installed() if build.line.name == name)


def files_of(build: InstalledBuild) -> set[str]:
    return {digest.removeprefix("sha256:") for digest in build.pointer.guards}


def lose_pointer(world: World, build: InstalledBuild) -> None:
    """As a crash between two renames, or another tool, would."""
    (world.session().store.layout.installed / build.place).unlink()


def two_builds(world: World) -> tuple[InstalledBuild, InstalledBuild]:
    for name in ("my/waterfall", "my/clouds"):
        world.publish(name)
    world.ok("install", "my/waterfall", "my/clouds")
    return installed(world, "my/waterfall"), installed(world, "my/clouds")


def test_files_nothing_needs_go_after_a_day_and_not_before(world: World):
    water, clouds = two_builds(world)
    lose_pointer(world, clouds)
    assert collect_garbage(world.session(), policy=later(DAY / 2)).garbage == ()
    would = collect_garbage(world.session(), policy=later(), dry_run=True)
    assert {piece.path.parent.name + piece.path.name for piece in would.garbage} == files_of(clouds)
    assert contents(world) == files_of(water) | files_of(clouds)
    done = collect_garbage(world.session(), policy=later())
    assert done.garbage == would.garbage
    assert done.freed_bytes == sum(guard.size for guard in clouds.pointer.guards.values())
    assert contents(world) == files_of(water)
    world.ok("verify")
    world.ok("install", "my/clouds")


def test_what_a_project_names_stays_until_its_lock_is_gone(world: World):
    _, clouds = two_builds(world)
    lock = world.folder / "miva.lock"
    lock.write_text("")
    world.session().store.keep_for_project(lock, [clouds.line.manifest.digest])
    said = world.ok("uninstall", "my/waterfall", "my/clouds")
    assert said.err == "the lock of a project names my/clouds 1.0.0: its files stay\n"
    assert contents(world) == files_of(clouds)
    assert collect_garbage(world.session(), policy=later()).garbage == ()
    lock.unlink()
    collect_garbage(world.session(), policy=later())
    assert contents(world) == set()


IN_USE = """
import sys
from pathlib import Path
from mivactl.session import Session
from mivactl.settings import Settings
store = Session(Settings(home=Path(sys.argv[1]))).store
(build,) = store.installed()
store.mark_used(build)
print("marked", flush=True)
sys.stdin.read()
"""


def test_what_a_running_process_uses_stays_until_it_ends(world: World):
    world.publish()
    world.ok("install", "my/waterfall")
    build = installed(world, "my/waterfall")
    user = subprocess.Popen(
        [sys.executable, "-c", IN_USE, str(world.home)],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert user.stdout is not None
        assert user.stdout.readline() == "marked\n"
        world.ok("uninstall", "my/waterfall")
        assert contents(world) == files_of(build)
        clear_cache(world.session())
        assert contents(world) == files_of(build)
    finally:
        user.communicate()
    collect_garbage(world.session(), policy=later())
    assert contents(world) == set()
    assert list(world.session().store.layout.in_use.iterdir()) == []


def test_leftovers_of_processes_that_died_go(world: World):
    world.publish()
    world.ok("install", "my/waterfall")
    layout = world.session().store.layout
    dead = Owner.new()._replace(process=2**22 + 1)
    elsewhere = Owner.new()._replace(host="another-machine")
    for owner in (dead, elsewhere, Owner.new()):
        (layout.staging / owner.name).mkdir()
        (layout.staging / owner.name / "half").write_bytes(b"1234")
    (layout.root / ".journal.json.0123456789ab").write_bytes(b"{")
    names = {piece.path.name for piece in collect_garbage(world.session(), dry_run=True).garbage}
    assert names == {dead.name}
    collect_garbage(world.session(), policy=later())
    mine = [path.name for path in layout.staging.iterdir()]
    assert len(mine) == 1
    assert mine[0] not in {dead.name, elsewhere.name}
    assert not (layout.root / ".journal.json.0123456789ab").exists()


def test_only_latents_and_unfinished_bases_that_are_ours_go(world: World):
    latents, incoming = world.home / "latents", world.home / "incoming"
    for folder in (latents, incoming / "other-base" / "unet", incoming / "nano.removed-0123456789ab"):
        folder.mkdir(parents=True)
    ours = latents / "0123456789abcdef.safetensors"
    theirs = latents / "my-notes.safetensors"
    for path in (ours, theirs, incoming / "other-base" / "unet" / "half.part"):
        path.write_bytes(b"12345")
    linked = latents / "fedcba9876543210.safetensors"
    linked.symlink_to(theirs)
    # a base that was removed has nothing to go on with
    assert [piece.path.name for piece in collect_garbage(world.session()).garbage] == ["nano.removed-0123456789ab"]
    collect_garbage(world.session(), policy=later())
    assert sorted(latents.iterdir()) == sorted([theirs, linked])
    assert list(incoming.iterdir()) == []


def test_a_base_that_somebody_is_fetching_stays(world: World):
    part = world.home / "incoming" / "other-base" / "half.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"12345")
    with shelf_of(world.session()).locked(BaseName("other-base")):
        assert collect_garbage(world.session(), policy=later()).garbage == ()
    assert part.exists()


@pytest.mark.parametrize("damaged", ["pointer", "projects"])
def test_damage_stops_gc_before_it_removes_anything(world: World, damaged: str):
    water, clouds = two_builds(world)
    layout = world.session().store.layout
    path = layout.projects if damaged == "projects" else layout.installed / clouds.place
    path.write_bytes(b"{}")
    with pytest.raises(IntegrityProblem) as caught:
        collect_garbage(world.session(), policy=later())
    assert "doctor --repair" in str(caught.value.hint)
    assert contents(world) == files_of(water) | files_of(clouds)


def test_the_commands_say_what_they_did(world: World):
    _, clouds = two_builds(world)
    lose_pointer(world, clouds)
    freed = sum(guard.size for guard in clouds.pointer.guards.values())
    assert world.ok("gc").out == "0 removed, 0 B\n"
    sizes = {row["name"]: row for row in world.ok("cache", "size", "--json").data["places"]}
    assert sizes["adapters"]["clearable_bytes"] == freed
    assert world.ok("cache", "dir").out == f"{world.home}\n"
    (world.home / "cache" / "registry").mkdir(parents=True)
    done = world.ok("cache", "clear", "--json").data
    assert done["freed_bytes"] == freed
    assert {piece["kind"] for piece in done["garbage"]} == {"unreferenced", "registries"}
    assert world.ok("gc", "--dry-run", "--json").data == {"dry_run": True, "freed_bytes": 0, "garbage": []}
    world.ok("verify")


def test_a_quota_costs_only_what_nothing_needs_oldest_first(world: World):
    water, clouds = two_builds(world)
    size = sum(guard.size for guard in water.pointer.guards.values())
    lose_pointer(world, clouds)
    world.publish("my/birds")
    session = world.session(store_max_bytes=int(size * 2.5))
    install([AdapterRef.parse("my/birds")], session, InstallOptions())
    birds = installed(world, "my/birds")
    assert files_of(water) | files_of(birds) <= contents(world)
    assert not files_of(clouds) <= contents(world)
    world.publish("my/rain")
    with pytest.raises(ResourceProblem) as caught:
        install([AdapterRef.parse("my/rain")], session, InstallOptions())
    assert "`store_max_size` is" in caught.value.message
    assert str(caught.value.hint).startswith("`mivactl uninstall my/")
    assert {build.line.name for build in session.store.installed()} == {"my/waterfall", "my/birds"}


@pytest.mark.parametrize(
    ("text", "size_bytes"), [('"20 GB"', 20_000_000_000), ('"1.5kB"', 1500), ("4096", 4096), ('"7"', 7)]
)
def test_a_quota_is_a_size(world: World, text: str, size_bytes: int):
    (world.home / "config.toml").write_text(f"store_max_size = {text}\n")
    assert load_settings(os.environ).store_max_bytes == size_bytes


@pytest.mark.parametrize("text", ['"many"', "true", '"-3 GB"', '"3 GiBs"'])
def test_what_is_no_size_is_refused(world: World, text: str):
    (world.home / "config.toml").write_text(f"store_max_size = {text}\n")
    said = world.mivactl("list")
    assert said.exit_code == 2
    assert 'hint: set `store_max_size = "20 GB"`' in said.err
