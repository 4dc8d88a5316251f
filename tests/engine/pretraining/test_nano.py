"""Pretraining: the plan of its time, and a run that goes on where it stopped."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import engine
from engine.bases.catalog import load_base
from engine.pretraining.nano import (
    ABSENT,
    CONDITIONS,
    MOTIONS,
    Plan,
    Run,
    build_denoiser,
    condition_weights,
    draw_example,
)

NANO = Path(engine.__file__).parent / "bases" / "nano"


def test_the_rate_warms_up_stays_and_falls_to_zero():
    plan = Plan(seconds=1000)
    assert plan.rate(0, 0) == pytest.approx(plan.learning_rate / plan.warmup_steps)
    assert plan.rate(5000, 500) == plan.learning_rate
    assert plan.rate(5000, 1000 - plan.cooldown_share * 250) == pytest.approx(plan.learning_rate / 2)
    assert plan.rate(5000, 1000) == 0


def test_some_motions_are_kept_for_later():
    assert not set(ABSENT) & set(CONDITIONS)


def test_clips_are_short_first():
    plan = Plan(seconds=1000, shares=(0.5, 0.2, 0.3))
    assert [plan.frames(spent) for spent in (0, 499, 500, 699, 700, 1000)] == [4, 4, 8, 8, 16, 16]


@pytest.mark.parametrize("seed", range(0, 20, 2))
def test_an_example_has_as_many_origins_as_pixels_and_frame_0_comes_from_itself(seed: int):
    example = draw_example(seed, frames=8)
    assert example.frames.shape == (3, 8, 80, 128)
    assert example.origin.shape == (2, 8, 80, 128)
    assert example.origin[:, 0].abs().max() < 1e-3  # pixels: places are computed there and back in float32


def test_conditions_name_what_moves_which_way_or_nothing():
    def named(weights: torch.Tensor) -> dict[str, float]:
        return {CONDITIONS[index]: float(weights[index]) for index in weights.nonzero().flatten()}

    assert set(MOTIONS) < set(CONDITIONS)
    assert named(condition_weights(("clouds",))) == {"clouds": 1}
    assert named(condition_weights(("clouds", "raining"))) == {"clouds": 0.5, "raining": 0.5}
    assert named(condition_weights(("clouds",), mirrored=True)) == {"clouds": 1, "mirrored": 1}
    assert named(condition_weights((), mirrored=True)) == {"null": 1}


def test_the_network_is_as_large_as_said():
    with torch.device("meta"):
        count = sum(parameter.numel() for parameter in build_denoiser().parameters())
    assert 15e6 < count < 16e6


def test_a_run_can_begin_with_an_exported_base():
    run = Run(Path("unused"), Plan(seconds=1))
    before = run.model.conditions[CONDITIONS.index("clouds")].clone()
    run.start_from(NANO)
    assert not torch.equal(run.model.conditions[CONDITIONS.index("clouds")], before)
    for name, value in load_base(NANO, device=torch.device("cpu"), dtype=torch.float32).denoiser.state_dict().items():
        assert torch.equal(run.model.denoiser.state_dict()[name], value), name
        assert torch.equal(run.average[f"denoiser.{name}"], value), name


@pytest.mark.acceptance
def test_a_stopped_run_goes_on_to_the_same_weights(tmp_path):
    plan = Plan(seconds=3600, shares=(1.0, 0.0, 0.0), frames_a_step=4)
    whole = Run(tmp_path / "whole", plan)
    for _ in range(3):
        whole.take_step()
    first = Run(tmp_path / "stopped", plan)
    first.take_step()
    first.save()
    second = Run(tmp_path / "stopped", plan)
    second.resume()
    for _ in range(2):
        second.take_step()
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, second.model.state_dict()[name]), name
    assert all(torch.equal(value, second.average[name]) for name, value in whole.average.items())
