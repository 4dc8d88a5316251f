"""On `nano`: a run that is killed in a save goes on exactly, a plan holds, a step costs what it may. Minutes, alone."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from engine import training_speed
from engine.bases.base_folder import base_folder
from tests.engine.training.drawn_clips import moving_square, write_gif

pytestmark = pytest.mark.acceptance
HERE = Path(__file__).parent
REPOSITORY = HERE.parents[2]
STEPS, KILLED = 60, 23


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    for number in range(3):
        write_gif(folder / f"{number}.gif", moving_square(17, height=80, width=128, speed=number + 2))
    return folder


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}


def trained(folder: Path, clips: Path, *more: int) -> int:
    command = [sys.executable, str(HERE / "killed_nano.py"), str(folder), str(clips), str(STEPS), *map(str, more)]
    return subprocess.run(command, env=environment(), check=False).returncode


def saved(folder: Path) -> dict[str, bytes]:
    newest = max((folder / "checkpoints").glob("step-*"))
    assert newest.name == f"step-{STEPS:08d}"
    return {path.name: path.read_bytes() for path in newest.glob("*.safetensors")}


def logged(folder: Path) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def test_60_steps_are_23_a_kill_in_the_middle_of_a_save_and_37_more(tmp_path, clips):
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    assert trained(unbroken, clips) == 0
    assert trained(broken, clips, KILLED) == -signal.SIGKILL
    assert not (broken / "checkpoints" / f"step-{KILLED:08d}").exists()
    assert list((broken / "checkpoints").glob(f".step-{KILLED:08d}.*.part"))
    assert trained(broken, clips) == 0
    assert saved(broken) == saved(unbroken)
    assert [line["step"] for line in logged(broken) if "look" not in line] == list(range(1, STEPS + 1))
    assert logged(broken) == logged(unbroken)


def mivactl(tmp_path: Path, *arguments: object) -> str:
    home = {"MIVACTL_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "mivactl", *map(str, arguments)]
    done = subprocess.run(command, env={**environment(), **home}, capture_output=True, text=True, check=True)
    return done.stdout


def test_a_plan_foretells_memory_and_time_of_a_step(tmp_path, clips, capsys):
    options = ("--base", "nano", "--name", "my/square", "--set", "evaluation.points=4")
    plans = [
        json.loads(mivactl(tmp_path, "train", clips, *options, "-o", tmp_path / f"plan-{number}", "--plan", "--json"))
        for number in range(3)
    ]
    foretold = [plan["data"]["plan"] for plan in plans]
    story = """
import sys
from mivactl.cli.app import run
code = run(sys.argv[1:])
from engine.training.peak_memory import PeakMemory, _STATUS
line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
print(int(line.split()[1]) << 10, file=sys.stderr)
sys.exit(code)
"""
    arguments = ("train", clips, *options, "-o", tmp_path / "draft", "--steps", 24, "--set", "evaluation.times=1")
    done = subprocess.run(
        [sys.executable, "-c", story, *map(str, arguments)],
        env={**environment(), "MIVACTL_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=True,
    )
    peak = int(done.stderr.splitlines()[-1])
    lines = [json.loads(line) for line in (tmp_path / "draft" / "run" / "log.jsonl").read_text().splitlines()]
    step = statistics.median(line["seconds"] for line in lines if "loss" in line and "look" not in line)
    memory, seconds = (statistics.median(plan[key] for plan in foretold) for key in ("peak_bytes", "step_seconds"))
    with capsys.disabled():
        print(f"\nmemory: planned {memory / 1e6:.0f} MB, measured {peak / 1e6:.0f} MB")  # noqa: T201
        print(f"step: planned {seconds:.3f} s, measured {step:.3f} s")  # noqa: T201
    assert memory == pytest.approx(peak, rel=0.15)
    assert seconds == pytest.approx(step, rel=0.25)
    assert not (tmp_path / "plan-0").exists()


def test_a_training_step_costs_little_more_than_the_bases_two_passes(capsys):
    cost = training_speed.measure(str(base_folder("nano")), rounds=7)
    with capsys.disabled():
        print(f"\n{training_speed.table(cost)}")  # noqa: T201
    assert cost.ratio <= training_speed.RATIO_AT_MOST
