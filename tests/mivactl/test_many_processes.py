"""Eight processes install, list and remove at random: nobody sees half a change, and the store stays whole."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from mivactl.operations.verify import verify
from tests.mivactl.world import REPOSITORY, World

PROCESSES = 8
# What one process does: random commands on three adapters until the time is up; prints each unexpected exit.
STORY = """
import contextlib, io, random, sys, time
from mivactl.cli.app import run
seed, seconds = int(sys.argv[1]), float(sys.argv[2])
choose = random.Random(seed)
names = ["my/waterfall", "my/clouds", "my/birds"]
end = time.monotonic() + seconds
calls = 0
while time.monotonic() < end:
    verb = choose.choice(["install", "install", "list", "uninstall"])
    picked = choose.sample(names, choose.randint(1, 3)) if verb != "list" else []
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run([verb, *picked])
    calls += 1
    # 3: somebody else had removed it already.
    if code not in ({0, 3} if verb == "uninstall" else {0}):
        print(verb, picked, code, err.getvalue())
print("calls", calls, file=sys.stderr)
"""


def play(world: World, seconds: float) -> None:
    for name in ("my/waterfall", "my/clouds", "my/birds"):
        world.publish(name)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", STORY, str(seed), str(seconds)],
            env=environment,
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for seed in range(PROCESSES)
    ]
    answers = [process.communicate(timeout=seconds + 240) for process in running]
    assert [out for out, _ in answers if out] == []
    assert all(err.startswith("calls ") for _, err in answers), answers
    store = world.session().store
    assert verify((), world.session()).problems == ()
    world.ok("install", "my/waterfall", "my/clouds", "my/birds")
    assert len(store.installed()) == 3
    assert list(store.layout.staging.iterdir()) == []
    world.ok("uninstall", "my/waterfall", "my/clouds", "my/birds")
    assert not [path for path in store.layout.blobs.rglob("*") if path.is_file()]


def test_eight_processes_at_random(world: World):
    play(world, seconds=5)


@pytest.mark.acceptance
def test_eight_processes_at_random_for_half_a_minute(world: World):
    play(world, seconds=30)


def test_a_store_in_use_is_an_error_that_names_it(world: World):
    world.publish()
    hold = (
        "import sys, time; from pathlib import Path; from mivactl.file_lock import locked\n"
        "with locked(Path(sys.argv[1]), resource='x', timeout_seconds=5): print('held', flush=True); time.sleep(60)"
    )
    lock = world.session().store.layout.lock
    holder = subprocess.Popen(
        [sys.executable, "-c", hold, str(lock)], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        said = world.in_new_process("install", "my/waterfall", MIVACTL_LOCK_TIMEOUT="0.2")
    finally:
        holder.kill()
        holder.communicate()
    assert said.returncode == 8
    assert f"error: store `{lock.parent}` is in use by process {holder.pid} on " in said.stderr
    assert "hint: run it again when that has finished, or wait longer with `MIVACTL_LOCK_TIMEOUT=300`" in said.stderr
    world.ok("install", "my/waterfall")
