"""Pretraining: the plan of its time, and a run that goes on where it stopped."""

from __future__ import annotations

import pytest
import torch

from engine.pretraining.nano import ABSENT, MOTIONS, Plan, Run, build_denoiser, draw_example


def test_the_rate_warms_up_stays_and_falls_to_zero():
    plan = Plan(seconds=1000)
    assert plan.rate(0, 0) == pytest.approx(plan.learning_rate / plan.warmup_steps)
    assert plan.rate(5000, 500) == plan.learning_rate
    assert plan.rate(5000, 925) == pytest.approx(plan.learning_rate / 2)
    assert plan.rate(5000, 1000) == 0


def test_examples_name_what_moves_and_keep_some_motions_for_later():
    assert not set(ABSENT) & set(MOTIONS)
    for seed in range(0, 40, 2):
        frames, weights = draw_example(seed)
        assert frames.shape == (16, 3, 80, 128)
        assert float(weights.sum()) == pytest.approx(1)


def test_the_network_is_as_large_as_said():
    with torch.device("meta"):
        count = sum(parameter.numel() for parameter in build_denoiser().parameters())
    assert 15e6 < count < 16e6


@pytest.mark.acceptance
def test_a_stopped_run_goes_on_to_the_same_weights(tmp_path):
    plan = Plan(seconds=3600, half_size_share=1.0, half_batch=1)
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
