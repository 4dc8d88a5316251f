"""Somebody else's hands in the store: changed bytes, exchanged files, links to elsewhere, loose permissions."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from mivactl.engine_bridge import SilentProgress
from mivactl.operations.composition import Wanted, compose_wanted, install_composed
from mivactl.ownership import Owner
from registry_schema.errors import IntegrityProblem
from registry_schema.ref import AdapterRef

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.mivactl.world import World


def install_for_animating(world: World) -> None:
    """An adapter, and a base with weights as far as a command looks before it loads them."""
    world.publish()
    world.ok("install", "my/waterfall")
    unet = world.home / "bases" / "nano" / "unet"
    unet.mkdir()
    (unet / "config.json").write_text("{}")


def weights(world: World) -> Path:
    store = world.session().store
    (build,) = store.installed()
    return store.layout.blob(store.manifest(build.line.manifest.digest).weights.digest)


def flip(path: Path) -> bytes:
    content = path.read_bytes()
    return content[:-1] + bytes([content[-1] ^ 1])


def edit_in_place(path: Path) -> None:
    """Same size, same inode, and the times put back: only the bytes tell."""
    before = path.stat()
    path.chmod(0o644)
    with path.open("r+b") as file:
        content = flip(path)
        file.write(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    path.chmod(0o444)


def exchange(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(flip(path))
    other.replace(path)


def link_to_the_same_bytes(path: Path) -> None:
    elsewhere = path.parents[4] / "elsewhere"
    elsewhere.write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(elsewhere)


def link_a_folder(path: Path) -> None:
    elsewhere = path.parents[4] / "elsewhere"
    path.parent.rename(elsewhere)
    path.parent.symlink_to(elsewhere)


def cut(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1])


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def loadable(world: World) -> Path:
    """The way that `animate` takes from a name to the file it loads."""
    session = world.session()
    composed = compose_wanted(Wanted(refs=(AdapterRef.parse("my/waterfall"),), base="nano"), session)
    (use,) = install_composed(composed, session, yes=False, progress=SilentProgress())
    return use.weights


ATTACKS = [edit_in_place, exchange, link_to_the_same_bytes, link_a_folder, cut, pipe]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_what_was_tampered_with_is_never_animated(world: World, attack: Callable[[Path], None]):
    install_for_animating(world)
    assert loadable(world) == weights(world)
    attack(weights(world))
    with pytest.raises(IntegrityProblem) as caught:
        loadable(world)
    assert caught.value.hint
    assert world.mivactl("verify").exit_code == 5
    repaired = world.mivactl("doctor", "--repair")
    assert "repaired: " in repaired.out
    world.ok("verify")
    assert stat.S_ISREG(weights(world).lstat().st_mode)
    assert weights(world).stat().st_mode & 0o777 == 0o444


def test_the_store_is_its_owners_alone_and_its_files_are_read_only(world: World):
    before = os.umask(0)
    try:
        world.publish()
        world.ok("install", "my/waterfall")
        store = world.session().store
        (build,) = store.installed()
        store.mark_used(build)
    finally:
        os.umask(before)
    folders = [store.layout.root, *(path for path in store.layout.root.rglob("*") if path.is_dir())]
    assert {path.stat().st_mode & 0o777 for path in folders} == {0o700}
    assert {path.stat().st_mode & 0o777 for path in store.layout.contents()} == {0o444}


def test_a_link_in_place_of_a_pointers_folder_is_not_written_through(world: World):
    world.publish()
    store = world.session().store
    elsewhere = world.folder / "elsewhere"
    elsewhere.mkdir()
    store.layout.installed.mkdir(parents=True)
    (store.layout.installed / "my").symlink_to(elsewhere)
    said = world.mivactl("install", "my/waterfall")
    assert said.exit_code == 5
    assert "is a symbolic link, expected a file of its own" in said.err
    assert list(elsewhere.rglob("*")) == []
    world.mivactl("doctor", "--repair")
    world.ok("install", "my/waterfall")
    assert list(elsewhere.rglob("*")) == []


def test_doctor_takes_back_the_right_to_write(world: World):
    install_for_animating(world)
    path = weights(world)
    path.chmod(0o666)
    path.parent.chmod(0o777)
    found = world.mivactl("doctor", "--json")
    assert found.exit_code == 1
    assert [finding["check"] for finding in found.data["findings"]] == ["permissions"]
    world.ok("doctor", "--repair")
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o444, 0o755)


def test_a_store_reached_through_a_link_is_a_store(world: World):
    """People move their data to another disk and leave a link; only links below the root are refused."""
    world.publish()
    elsewhere = world.folder / "large-disk"
    elsewhere.mkdir(mode=0o700)
    (world.home / "store").symlink_to(elsewhere)
    world.ok("install", "my/waterfall")
    world.ok("verify")


def test_what_lies_behind_a_link_is_never_removed(world: World):
    """People link folders to other disks; cleaning up must not follow them there."""
    world.publish()
    world.ok("install", "my/waterfall")
    layout = world.session().store.layout
    precious = world.folder / "precious"
    precious.mkdir()
    names = ["0" * 62, "notes.txt"]
    for name in names:
        (precious / name).write_text("kept")
    (layout.blobs / "sha256" / "00").symlink_to(precious)
    (layout.staging / Owner.new()._replace(process=2**22 + 1).name).symlink_to(precious)
    (layout.in_use / Owner.new()._replace(process=2**22 + 1).name).parent.mkdir()
    (layout.in_use / Owner.new()._replace(process=2**22 + 1).name).symlink_to(precious)
    (world.home / "latents").symlink_to(precious)
    (world.home / "cache").symlink_to(precious)
    for command in (["gc"], ["cache", "clear"], ["uninstall", "my/waterfall"], ["doctor", "--repair"]):
        world.mivactl(*command)
        assert sorted(path.name for path in precious.iterdir()) == sorted(names), command
