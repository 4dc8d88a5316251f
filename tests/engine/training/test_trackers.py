"""Telling others of a run: TensorBoard's own reader finds what was logged; a package that is missing is said early."""

from __future__ import annotations

import pytest
from PIL import Image

from engine.training import trackers
from engine.training.evaluation import Evaluation
from engine.training.events import CheckpointSaved, Evaluated, StepDone
from engine.training.trackers import open_trackers, require_trackers
from registry_schema.errors import NotFound


def test_tensorboard_is_told_of_steps_and_looks(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    sheet = tmp_path / "sheet.jpg"
    Image.new("RGB", (32, 20), (200, 40, 40)).save(sheet)
    with open_trackers(("tensorboard",), tmp_path / "run") as told:
        for step in (1, 2):
            told.tell(StepDone(step, loss=0.5 / step, gradient_norm=1.0, learning_rate=1e-3, seconds=0.1))
        told.tell(Evaluated(Evaluation(2, loss=0.3, motion=0.9), sheet))
        told.tell(CheckpointSaved(2, tmp_path))
    seen = accumulator.EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    seen.Reload()
    assert [(event.step, event.value) for event in seen.Scalars("loss")] == [(1, 0.5), (2, 0.25)]
    assert seen.Scalars("look/motion")[0].value == pytest.approx(0.9)
    assert seen.Images("previews")[0].width == 32


def test_no_names_tell_nobody(tmp_path):
    with open_trackers((), tmp_path) as told:
        told.tell(StepDone(1, 0.5, 1.0, 1e-3, 0.1))
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_said_before_the_run(monkeypatch):
    monkeypatch.setattr(trackers, "find_spec", lambda _: None)
    with pytest.raises(NotFound, match="`--log wandb` needs the package `wandb`") as caught:
        require_trackers(("wandb",))
    assert 'pip install "mivactl[wandb]"' in caught.value.hint
