"""Locks: of file systems that have none, or whose locks let everybody in; and of processes that died."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from mivactl.file_lock import LockToken, locked, system_locks_exclude
from mivactl.operations.verify import verify
from mivactl.ownership import ABANDONED_SECONDS, Owner
from registry_schema.errors import Busy
from tests.mivactl.world import REPOSITORY, World

if TYPE_CHECKING:
    from pathlib import Path

PROCESSES = 8
# Random operations of one process on a file system whose locks let everybody in; prints each unexpected exit. Garbage
# goes without a day of grace, so that a mistake about what is needed costs something.
STORY = """
import contextlib, fcntl, io, os, random, sys
fcntl.flock = lambda *_: None
from mivactl.cli.app import run
from mivactl.operations.collect_garbage import collect_garbage
from mivactl.session import Session
from mivactl.settings import load_settings
from mivactl.store.garbage import GarbagePolicy
seed, count = int(sys.argv[1]), int(sys.argv[2])
choose = random.Random(seed)
names = ["my/waterfall", "my/clouds", "my/birds"]
allowed = {"install": {0}, "uninstall": {0, 3}, "list": {0}, "gc": {0}, "verify": {0, 3}}
for _ in range(count):
    verb = choose.choice(["install", "install", "uninstall", "list", "gc", "verify"])
    picked = choose.sample(names, choose.randint(1, 3)) if verb in {"install", "uninstall", "verify"} else []
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run([verb, *picked])
        if verb == "gc":
            collect_garbage(Session(load_settings(os.environ)), policy=GarbagePolicy(grace_seconds=0))
    if code not in allowed[verb]:
        print(verb, picked, code, err.getvalue())
print("done", file=sys.stderr)
"""


def play(world: World, count: int) -> None:
    names = ("my/waterfall", "my/clouds", "my/birds")
    for name in names:
        world.publish(name)
    running = [
        subprocess.Popen(
            [sys.executable, "-c", STORY, str(seed), str(count)],
            env={**os.environ, "OMP_NUM_THREADS": "1", "MIVACTL_LOCK_TIMEOUT": "600"},
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for seed in range(PROCESSES)
    ]
    answers = [process.communicate(timeout=1200) for process in running]
    assert [out for out, _ in answers if out] == []
    assert [err for _, err in answers if err != "done\n"] == []
    store = world.session().store
    assert verify((), world.session()).problems == ()
    needed = {digest for build in store.installed() for digest in build.pointer.guards}
    assert {f"sha256:{path.parent.name}{path.name}" for path in store.layout.contents()} >= needed
    world.ok("install", *names)
    assert len(store.installed()) == 3
    world.ok("verify")
    world.ok("uninstall", *names)
    assert list(store.layout.contents()) == []
    assert list(store.layout.staging.iterdir()) == []
    assert [path.name for path in LockToken.of(store.layout.lock).folder.iterdir()] == ["free"]


def test_eight_processes_at_random_where_locks_let_everybody_in(world: World):
    play(world, count=8)


@pytest.mark.acceptance
def test_eight_processes_do_two_hundred_things_each_where_locks_let_everybody_in(world: World):
    play(world, count=200)


COUNT_UP = """
import fcntl, sys
fcntl.flock = lambda *_: None
from pathlib import Path
from mivactl.file_lock import locked
folder = Path(sys.argv[1])
for _ in range(40):
    with locked(folder / "lock", resource="the number", timeout_seconds=300):
        number = int((folder / "number").read_text())
        (folder / "number").write_text(str(number + 1))
"""


def test_of_those_who_take_a_lock_exactly_one_has_it(tmp_path: Path):
    """The number would come out too small if two had ever read it at once."""
    (tmp_path / "number").write_text("0")
    story = [sys.executable, "-c", COUNT_UP, str(tmp_path)]
    running = [subprocess.Popen(story, cwd=REPOSITORY) for _ in range(4)]
    assert [process.wait(timeout=600) for process in running] == [0] * 4
    assert (tmp_path / "number").read_text() == "160"


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP], ids=errno.errorcode.get)
def test_without_locks_of_the_system_the_token_keeps_others_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
):
    def refuse(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with locked(tmp_path / "lock", resource="the thing", timeout_seconds=5):
        assert not LockToken.of(tmp_path / "lock").take()
    with locked(tmp_path / "lock", resource="the thing", timeout_seconds=5):
        pass


def test_a_process_that_died_holds_nothing(tmp_path: Path):
    token = held_by(tmp_path, Owner.new()._replace(process=2**22 + 1))
    with locked(tmp_path / "lock", resource="the thing", timeout_seconds=0):
        assert token.holder()
    assert token.holder() is None


def test_a_number_that_another_process_has_now_is_not_mistaken(tmp_path: Path):
    """Process numbers come round again: the same number that started at another time is another process."""
    own = Owner.new()
    if own.started == "0":
        pytest.skip("this system does not say when a process started")
    assert not own.is_gone(0)
    assert own._replace(started="1").is_gone(0)


def test_another_machine_is_asked_about_and_believed_for_a_day(tmp_path: Path):
    elsewhere = Owner.new()._replace(host="another-machine")
    token = held_by(tmp_path, elsewhere)
    with pytest.raises(Busy) as caught, locked(tmp_path / "lock", resource="the thing", timeout_seconds=0.1):
        pass
    assert f"the thing is in use by process {elsewhere.process} on another-machine for 0 s" in caught.value.message
    assert str(caught.value.hint).endswith("if another-machine is off, run `mivactl doctor --repair`")
    assert elsewhere.is_gone(ABANDONED_SECONDS + 1)
    assert token.free(elsewhere)
    assert token.take()


def held_by(folder: Path, owner: Owner) -> LockToken:
    token = LockToken.of(folder / "lock")
    token.folder.mkdir()
    (token.folder / owner.name).touch()
    return token


def test_an_owner_is_read_from_the_name_it_gave(tmp_path: Path):
    own = Owner.new()
    assert Owner.parse(own.name) == own
    dashed = own._replace(host="a-host-with-dashes")
    assert Owner.parse(dashed.name) == dashed
    for name in ("free", ".nfs0000", "host-1-2-3", "a-b-c-d-e"):
        assert Owner.parse(name) is None


def test_a_disk_whose_locks_exclude_nobody_is_told_from_one_that_is_honest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    assert system_locks_exclude(tmp_path)
    monkeypatch.setattr(fcntl, "flock", lambda *_: None)
    assert not system_locks_exclude(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_where_files_have_one_name_only_the_store_works_and_fetches_nothing_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "no hard links here")

    monkeypatch.setattr(os, "link", refuse)
    world.publish(version="1.0.0")
    world.ok("install", "my/waterfall")
    registry = world.home / "registry"
    blobs = sorted(path for path in registry.glob("blobs/*/*/*") if path.stat().st_size < 100)
    assert blobs, "a model card is shared by both versions"
    world.publish(version="1.1.0")
    for path in blobs:
        path.unlink()
    # the second build's model card is the first one's: it is taken from the store
    world.ok("install", "my/waterfall")
    world.ok("verify")
    findings = world.mivactl("doctor", "--json").data["findings"]
    assert "hard links" in {finding["check"] for finding in findings}
    world.ok("uninstall", "my/waterfall")
    assert list(world.session().store.layout.contents()) == []


def test_how_long_a_lock_has_been_held_is_told(tmp_path: Path):
    token = held_by(tmp_path, Owner.new()._replace(host="another-machine"))
    time.sleep(0.05)
    held = token.holder()
    assert held is not None
    assert 0.04 < held[1] < 60
