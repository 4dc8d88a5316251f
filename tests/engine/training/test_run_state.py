"""Saved states: complete or ignored, the newest two kept."""

from __future__ import annotations

import json

import pytest
import torch

from engine.training.run_state import MANIFEST, Checkpoints, RunState
from registry_schema.errors import IntegrityProblem


def state(step: int) -> RunState:
    return RunState(
        step=step,
        identity={"recipe": "a", "clips": "b"},
        adapter={"x": torch.full((2, 3), float(step))},
        average={"x": torch.zeros(2, 3)},
        optimiser={"exp_avg.x": torch.ones(2, 3), "step.x": torch.tensor(float(step))},
        log_bytes=17,
        seconds=1.5,
        last_loss=0.25,
    )


def test_a_state_comes_back_as_it_was_saved(tmp_path):
    Checkpoints(tmp_path).save(state(3))
    found = Checkpoints(tmp_path).latest()
    assert (found.step, found.identity, found.log_bytes, found.last_loss) == (
        3,
        {"recipe": "a", "clips": "b"},
        17,
        0.25,
    )
    assert torch.equal(found.adapter["x"], torch.full((2, 3), 3.0))
    assert torch.equal(found.optimiser["step.x"], torch.tensor(3.0))


def test_the_newest_two_are_kept(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    for step in (5, 10, 99, 100):
        checkpoints.save(state(step))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000099", "step-00000100"]


def test_nothing_saved_is_none(tmp_path):
    assert Checkpoints(tmp_path / "missing").latest() is None


def test_a_save_killed_at_any_file_leaves_the_state_before_it(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    complete = checkpoints.save(state(2))
    half = tmp_path / ".step-00000004.77.part"
    half.mkdir()
    for name in ("adapter.safetensors", "average.safetensors", MANIFEST):
        (half / name).write_bytes((complete / name).read_bytes()[:40])
        assert checkpoints.latest().step == 2
    checkpoints.save(state(4))
    assert not half.exists()


def test_a_folder_without_a_manifest_does_not_count(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(state(2))
    (checkpoints.save(state(4)) / MANIFEST).unlink()
    assert checkpoints.latest().step == 2


@pytest.mark.parametrize("name", ["adapter.safetensors", "optimiser.safetensors", MANIFEST])
def test_a_damaged_state_gives_way_to_the_one_before(tmp_path, name):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(state(2))
    path = checkpoints.save(state(4)) / name
    path.write_bytes(path.read_bytes()[:-3] + b"???")
    assert checkpoints.latest().step == 2


def test_when_no_saved_state_can_be_read_nothing_is_started_anew(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    path = checkpoints.save(state(2)) / MANIFEST
    path.write_text(json.dumps({"schema": "miva.run-state/9"}))
    with pytest.raises(
        IntegrityProblem, match=r"step-00000002.*schema `miva\.run-state/9`, expected `miva\.run-state/1`"
    ):
        checkpoints.latest()


def test_a_failed_save_leaves_no_leftovers(tmp_path, monkeypatch):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(state(2))

    def full_disk(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        checkpoints.save(state(4))
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000002"]
