"""The training loop: what it learns, what it leaves alone, how it stops and goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load

from engine.training.events import CheckpointFailed, CheckpointSaved, Resumed, StepDone, StepSkipped
from engine.training.trainer import Diverged, Trainer
from registry_schema.errors import Incompatible, Interrupted
from tests.engine.tiny_bases import tiny_unet_base
from tests.engine.tiny_wan import tiny_wan_base
from tests.engine.training.drawn_examples import DrawnExamples
from tests.engine.training.runs import STEPS, trainer

HERE = Path(__file__).parent


def steps_of(events: list[object]) -> list[StepDone]:
    return [event for event in events if isinstance(event, StepDone)]


def saved_bytes(folder: Path) -> dict[str, bytes]:
    newest = max((folder / "checkpoints").glob("step-*"))
    return {path.name: path.read_bytes() for path in newest.glob("*.safetensors")}


def logged(folder: Path) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def signalled(run: Trainer, events: list[object], *, after: int, numbers: list[signal.Signals]) -> None:
    for event in run.fit():
        events.append(event)
        if isinstance(event, StepDone) and event.step == after:
            for number in numbers:
                os.kill(os.getpid(), number)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken")
    list(trainer(folder, steps=STEPS).fit())
    return folder


def test_training_lowers_the_loss(tmp_path):
    done = steps_of(list(trainer(tmp_path, "optimiser.batch=4", steps=STEPS).fit()))
    losses = [event.loss for event in done]
    assert sum(losses[-10:]) < 0.9 * sum(losses[:10])


@pytest.mark.parametrize("arguments", [("17",), ("16", "in-save")])
def test_a_killed_run_goes_on_as_if_nothing_had_happened(tmp_path, unbroken, arguments):
    paths = os.pathsep.join([str(HERE.parent), str(HERE.parents[2])])
    command = [sys.executable, str(HERE / "killed_run.py"), str(tmp_path), *arguments]
    killed = subprocess.run(command, env={**os.environ, "PYTHONPATH": paths}, check=False)
    assert killed.returncode == -signal.SIGKILL
    events = list(trainer(tmp_path, steps=STEPS).fit(resume=True))
    assert isinstance(events[0], Resumed)
    assert saved_bytes(tmp_path) == saved_bytes(unbroken)
    assert logged(tmp_path) == logged(unbroken)


def test_an_adapter_trained_at_many_weights_learns_and_goes_on_exactly(tmp_path):
    wish = "loss.least_weight=0.3"
    whole = tmp_path / "whole"
    assert all(step.loss > 0 for step in steps_of(list(trainer(whole, wish, steps=6).fit())))
    assert [line["loss"] for line in logged(whole)] != [line["loss"] for line in at_one_weight(tmp_path / "one")]
    stopped = trainer(tmp_path, wish, steps=6)
    with pytest.raises(Interrupted):
        signalled(stopped, [], after=3, numbers=[signal.SIGINT])
    list(trainer(tmp_path, wish, steps=6).fit(resume=True))
    assert saved_bytes(tmp_path) == saved_bytes(whole)


def at_one_weight(folder: Path) -> list[dict[str, float]]:
    list(trainer(folder, steps=6).fit())
    return logged(folder)


def test_only_adapter_tensors_get_gradients_and_the_base_stays_as_it_was(tmp_path):
    base = tiny_unet_base()
    before = {name: tensor.clone() for name, tensor in base.denoiser.state_dict().items()}
    run = trainer(tmp_path, steps=2, base=base)
    list(run.fit())
    assert all(tensor.grad is None and not tensor.requires_grad for tensor in base.denoiser.parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in base.denoiser.state_dict().items())
    assert all(name.startswith("miva.") for name in torch_names(tmp_path, "adapter.safetensors"))
    assert all(".miva." in name for name in torch_names(tmp_path, "optimiser.safetensors"))


def torch_names(folder: Path, name: str) -> list[str]:
    return list(load(saved_bytes(folder)[name]))


def test_every_adapter_tensor_learns(tmp_path):
    list(trainer(tmp_path, steps=4).fit())
    moments = load(saved_bytes(tmp_path)["optimiser.safetensors"])
    assert all(tensor.any() for name, tensor in moments.items() if name.startswith("exp_avg."))


def test_checkpointing_gives_identical_gradients(tmp_path):
    plain = steps_of(list(trainer(tmp_path / "plain", steps=3).fit()))
    saving = steps_of(list(trainer(tmp_path / "saving", "run.gradient_checkpointing=true", steps=3).fit()))
    assert [event.gradient_norm for event in plain] == [event.gradient_norm for event in saving]
    assert saved_bytes(tmp_path / "plain") == saved_bytes(tmp_path / "saving")


def test_a_bfloat16_base_trains_float32_tensors(tmp_path):
    base = tiny_unet_base(dtype=torch.bfloat16)
    done = steps_of(list(trainer(tmp_path, steps=3, base=base).fit()))
    assert len(done) == 3
    saved = load(saved_bytes(tmp_path)["adapter.safetensors"])
    assert {tensor.dtype for tensor in saved.values()} == {torch.float32}


@pytest.mark.parametrize("checkpointing", ["true", "false"])
def test_a_flow_base_with_fewer_latent_frames_is_trained_by_the_same_code(tmp_path, checkpointing):
    choices = ("loss.weighting=bell", "optimiser.batch=2", f"run.gradient_checkpointing={checkpointing}")
    run = trainer(tmp_path, *choices, steps=3, base=tiny_wan_base(), examples=DrawnExamples(frames=3))
    assert len(steps_of(list(run.fit()))) == 3
    moments = load(saved_bytes(tmp_path)["optimiser.safetensors"])
    assert all(tensor.any() for name, tensor in moments.items() if name.startswith("exp_avg."))


def test_accumulated_batches_give_the_gradient_of_one_large_batch(tmp_path):
    whole = steps_of(list(trainer(tmp_path / "a", "optimiser.batch=4", steps=1).fit()))
    parts = steps_of(list(trainer(tmp_path / "b", "optimiser.accumulate=4", steps=1).fit()))
    assert whole[0].loss == pytest.approx(parts[0].loss, rel=1e-4)
    assert whole[0].gradient_norm == pytest.approx(parts[0].gradient_norm, rel=1e-3)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finishes_the_step_saves_and_stops(tmp_path, number):
    handler = signal.getsignal(number)
    events: list[object] = []
    with pytest.raises(Interrupted, match="after step 2 of 40") as caught:
        signalled(trainer(tmp_path, steps=STEPS), events, after=2, numbers=[number])
    assert caught.value.exit_code == 130
    assert isinstance(events[-1], CheckpointSaved)
    assert events[-1].step == 2
    assert signal.getsignal(number) is handler


def test_a_second_signal_stops_at_once(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        signalled(trainer(tmp_path, steps=STEPS), [], after=1, numbers=[signal.SIGINT, signal.SIGINT])


def test_a_stopped_run_goes_on_exactly(tmp_path, unbroken):
    with pytest.raises(Interrupted):
        signalled(trainer(tmp_path, steps=STEPS), [], after=5, numbers=[signal.SIGINT])
    list(trainer(tmp_path, steps=STEPS).fit(resume=True))
    assert saved_bytes(tmp_path) == saved_bytes(unbroken)
    assert logged(tmp_path) == logged(unbroken)


def test_a_failed_save_does_not_end_the_training(tmp_path):
    (tmp_path / "checkpoints").write_text("in the way")
    events = list(trainer(tmp_path, steps=9).fit())
    failed = [event for event in events if isinstance(event, CheckpointFailed)]
    assert [event.step for event in failed] == [8, 9]
    assert len(steps_of(events)) == 9


def test_steps_that_are_not_finite_are_skipped_and_then_stop_the_run(tmp_path):
    run = trainer(tmp_path, "run.stop_after_skips=3", steps=9, examples=DrawnExamples(value=float("nan")))
    with pytest.raises(Diverged, match="3 steps in a row had no finite loss or gradient, stopped at step 3"):
        list(run.fit())
    assert logged(tmp_path) == [{"step": 1, "skipped": True}, {"step": 2, "skipped": True}]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"overrides": ("optimiser.learning_rate=0.02",)}, "recipe"),
        ({"examples": DrawnExamples(digest="sha256:other")}, "clips"),
        ({"base": tiny_unet_base(seed=1)}, "base"),
    ],
)
def test_a_run_does_not_go_on_with_something_else(tmp_path, change, what):
    list(trainer(tmp_path, steps=1).fit())
    overrides = change.pop("overrides", ())
    with pytest.raises(Incompatible, match=f"the saved run had another {what}"):
        list(trainer(tmp_path, *overrides, steps=2, **change).fit(resume=True))


def test_a_run_may_be_made_longer(tmp_path, unbroken):
    list(trainer(tmp_path, steps=10).fit())
    list(trainer(tmp_path, steps=STEPS).fit(resume=True))
    assert saved_bytes(tmp_path) == saved_bytes(unbroken)


def test_the_average_is_what_is_used(tmp_path):
    run = trainer(tmp_path, steps=3)
    list(run.fit())
    run.use_average()
    average = load(saved_bytes(tmp_path)["average.safetensors"])
    assert all(torch.equal(tensor, average[name]) for name, tensor in run.adapter.named_parameters())
    assert not torch.equal(
        torch.cat([tensor.flatten() for tensor in average.values()]),
        torch.cat([tensor.flatten() for tensor in load(saved_bytes(tmp_path)["adapter.safetensors"]).values()]),
    )


def test_the_adapter_is_off_the_base_after_training(tmp_path):
    base = tiny_unet_base()
    processors = [site.processor for site in base.sites()]
    list(trainer(tmp_path, steps=1, base=base).fit())
    assert [site.processor for site in base.sites()] == processors


def test_an_abandoned_run_lets_go_of_base_and_signals(tmp_path):
    base = tiny_unet_base()
    processors = [site.processor for site in base.sites()]
    handler = signal.getsignal(signal.SIGINT)
    events = trainer(tmp_path, steps=9, base=base).fit()
    next(events)
    events.close()
    assert [site.processor for site in base.sites()] == processors
    assert signal.getsignal(signal.SIGINT) is handler


def test_skipped_steps_are_told(tmp_path):
    events = []
    run = trainer(tmp_path, "run.stop_after_skips=9", steps=4, examples=DrawnExamples(value=float("inf")))
    events.extend(run.fit())
    assert [event.skipped for event in events if isinstance(event, StepSkipped)] == [1, 2, 3, 4]
    assert run.counters.last_loss is None
