"""Two processes that train one adapter learn what one learns with twice the accumulation."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file

from engine.adapters.miva import MivaAdapter
from engine.recipe import TrainRecipe, recipe_from_dict
from engine.training.adapter_plan import plan_adapter
from engine.training.events import StepDone
from engine.training.launch import run_on_devices
from engine.training.shared_recipe import shared_recipe
from engine.training.trainer import Trainer
from tests.engine.tiny_bases import tiny_unet_base
from tests.engine.training.drawn_examples import DrawnExamples
from tests.engine.training.runs import recipe
from tests.engine.training.shared_run import STEPS

MODULE = "tests.engine.training.shared_run"


def told(folder) -> list[dict[str, int]]:
    return [json.loads(path.read_text()) for path in sorted(folder.glob("told-*.json"))]


def log(folder) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "run" / "log.jsonl").read_text().splitlines()]


@pytest.fixture
def processor_alone(monkeypatch):
    """Two processes on the processor, joined by gloo."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.mark.usefixtures("processor_alone")
def test_two_processes_learn_what_one_learns_with_twice_the_accumulation(tmp_path):
    assert run_on_devices(MODULE, [str(tmp_path)], 2) == 0
    assert told(tmp_path) == [{"count": 2, "step": STEPS // 2, "stopped": False}] * 2
    first, second = (load_file(tmp_path / f"weights-{rank}.safetensors") for rank in (0, 1))
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())

    base = tiny_unet_base()
    chosen = shared_recipe(recipe(base, f"optimiser.steps={STEPS}"), 2)
    assert (chosen.optimiser.accumulate, chosen.optimiser.steps) == (2, STEPS // 2)
    adapter = MivaAdapter.create(plan_adapter(chosen, base.spec), base.sites(), seed=chosen.run.seed)
    alone = Trainer(base, adapter, DrawnExamples(), chosen, tmp_path / "alone")
    losses = [event.loss for event in alone.fit() if isinstance(event, StepDone)]
    assert [record["loss"] for record in log(tmp_path)] == pytest.approx(losses, rel=1e-5)
    for name, tensor in adapter.state_dict().items():
        torch.testing.assert_close(first[name], tensor, rtol=1e-4, atol=1e-6)


@pytest.mark.usefixtures("processor_alone")
def test_when_one_process_is_asked_to_stop_all_stop_after_the_same_step_and_the_state_is_saved(tmp_path):
    assert run_on_devices(MODULE, [str(tmp_path), "2"], 2) == 0
    assert told(tmp_path) == [{"count": 2, "step": 2, "stopped": True}] * 2
    assert (tmp_path / "run" / "checkpoints" / "step-00000002" / "manifest.json").exists()


@pytest.mark.acceptance
@pytest.mark.usefixtures("processor_alone")
def test_a_process_that_fails_gives_its_exit_code(tmp_path):
    assert run_on_devices(MODULE, [str(tmp_path), "not-a-number"], 2) == 1


def samples(chosen: TrainRecipe) -> int:
    return chosen.optimiser.batch * chosen.optimiser.accumulate * chosen.optimiser.steps


@pytest.mark.parametrize("processes", [1, 2, 3, 8])
def test_several_processes_see_as_many_samples_in_fewer_steps(processes):
    plain = recipe_from_dict({"optimiser": {"steps": 240, "accumulate": 2, "warmup": 24}})
    shared = shared_recipe(plain, processes)
    assert samples(shared) == samples(plain)
    assert shared.optimiser.warmup == 24 / processes
    assert shared.run == plain.run


def test_one_process_takes_the_recipe_as_it_is():
    assert shared_recipe(TrainRecipe(), 1) == TrainRecipe()


def test_steps_that_a_person_asked_for_stay():
    plain = recipe_from_dict({"optimiser": {"steps": 240}})
    assert shared_recipe(plain, 4, keep_steps=True).optimiser.steps == 240
