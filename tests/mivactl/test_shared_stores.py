"""Stores of others: their builds are used where they lie, and nothing there is ever written."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from mivactl.operations.install import ensure_installed
from registry_schema.ref import AdapterRef

if TYPE_CHECKING:
    from pathlib import Path

    from tests.mivactl.world import World


def snapshot(folder: Path) -> dict[Path, tuple[int, int, int, bytes]]:
    """Everything about every file but when it was read."""
    found = {}
    for path in folder.rglob("*"):
        status = path.stat()
        content = path.read_bytes() if path.is_file() else b""
        found[path] = (status.st_mode, status.st_mtime_ns, status.st_ctime_ns, content)
    return found


@pytest.fixture
def shared(world: World, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The store of a studio with one adapter, and a home of one's own without any."""
    world.publish("my/waterfall")
    world.publish("my/clouds")
    world.ok("install", "my/waterfall")
    store = world.folder / "studio-store"
    (world.home / "store").rename(store)
    monkeypatch.setenv("MIVACTL_SHARED_STORE", str(store))
    return store


def test_a_build_of_a_shared_store_is_used_without_a_copy(world: World, shared: Path):
    before = snapshot(shared)
    (listed,) = world.ok("list", "--json").data["adapters"]
    assert (listed["name"], listed["shared"]) == ("my/waterfall", True)
    assert world.ok("install", "--json", "my/waterfall").data["adapters"][0]["action"] == "kept"
    session = world.session(shared_stores=(shared,))
    (build,) = ensure_installed([AdapterRef.parse("my/waterfall")], session)
    path = session.store.file(build, session.store.manifest(build.line.manifest.digest).weights)
    session.store.mark_used(build)
    assert path.is_relative_to(shared)
    world.ok("verify")
    for command in (["gc"], ["cache", "clear"], ["cache", "size"], ["info", "my/waterfall"]):
        world.ok(*command)
    assert snapshot(shared) == before
    assert not (world.home / "store" / "blobs").exists()


def test_what_a_shared_store_does_not_have_is_installed_beside_it(world: World, shared: Path):
    before = snapshot(shared)
    world.ok("install", "my/clouds", "my/waterfall")
    listed = world.ok("list", "--json").data["adapters"]
    assert [(build["name"], build["shared"]) for build in listed] == [("my/clouds", False), ("my/waterfall", True)]
    world.ok("uninstall", "my/clouds")
    assert snapshot(shared) == before


def test_only_its_owner_uninstalls_from_a_shared_store(world: World, shared: Path):
    said = world.mivactl("uninstall", "my/waterfall")
    assert said.exit_code == 9
    assert f"is in the shared store `{shared}`, which is never written from here" in said.err
    assert "hint: unset `MIVACTL_SHARED_STORE`" in said.err


def test_a_damaged_build_of_a_shared_store_is_replaced_by_one_of_ones_own(world: World, shared: Path):
    for path in shared.glob("blobs/*/*/*"):
        content = path.read_bytes()
        path.chmod(0o644)
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    before = snapshot(shared)
    assert world.mivactl("verify").exit_code == 5
    assert world.ok("install", "--json", "my/waterfall").data["adapters"][0]["action"] == "repaired"
    assert not world.ok("list", "--json").data["adapters"][0]["shared"]
    world.ok("verify")
    assert snapshot(shared) == before


@pytest.mark.skipif(os.name != "posix" or os.getuid() == 0, reason="root may write everywhere")
def test_a_store_that_can_not_be_written_at_all_is_enough(world: World, shared: Path):
    for path in (shared, *shared.rglob("*")):
        path.chmod(path.stat().st_mode & ~0o222)
    world.ok("list")
    world.ok("install", "my/waterfall")


def test_the_config_file_may_name_several_and_one_that_is_away_is_no_error(
    world: World, shared: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("MIVACTL_SHARED_STORE")
    (world.home / "config.toml").write_text(f'shared_stores = ["/nowhere/at/all", "{shared}"]\n')
    assert len(world.ok("list", "--json").data["adapters"]) == 1
    findings = world.mivactl("doctor", "--json").data["findings"]
    assert "`/nowhere/at/all` has no installed adapters" in [finding["message"] for finding in findings]
    (world.home / "config.toml").write_text('shared_stores = "/srv"\n')
    assert len(world.ok("list", "--json").data["adapters"]) == 0
    (world.home / "config.toml").write_text("shared_stores = [3]\n")
    assert 'hint: set `shared_stores = ["/srv/mivactl/store"]`' in world.mivactl("list").err
