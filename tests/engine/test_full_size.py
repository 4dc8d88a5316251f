"""The full-size measurement, on a tiny configuration."""

from __future__ import annotations

import pytest
import torch

from engine import full_size
from engine.counting.blueprint import assemble, in_format
from engine.full_size import FullSizeResult, StepTime, measure, random_weights, table
from tests.engine.counting.tiny_blueprints import tiny_blueprint


@pytest.mark.parametrize("family", ["unet_motion", "wan"])
def test_base_and_adapter_are_timed_in_turn_with_attention_apart(family):
    result = measure(tiny_blueprint(family), rounds=2)
    for step in (result.base, result.adapted):
        assert 0 < step.attention < step.wall
        assert step.outside == pytest.approx(step.wall - step.attention)
    assert result.memory_bytes > 50e6
    assert 1 < result.counted_ratio < 3
    assert f"| ratio of operations, counted | {result.counted_ratio:.3f} | - |" in table(result)


def test_random_weights_keep_activations_finite_and_alive():
    plan = tiny_blueprint()
    base = assemble(plan, random_weights(in_format(plan.denoiser, torch.bfloat16)))
    assert base.dtype == torch.bfloat16
    noisy = torch.randn(1, 4, 4, 8, 8)
    spread = float(base.predict(noisy, 500.0).std())
    assert 1e-2 < spread < 1e2


@pytest.mark.parametrize(
    ("adapted", "memory", "within"),
    [
        (StepTime(1.5, 0.75), 5e9, True),
        (StepTime(1.6, 0.85), 5e9, False),
        (StepTime(1.5, 0.6), 5e9, False),
        (StepTime(1.5, 0.75), 7e9, False),
    ],
)
def test_a_result_is_held_against_its_limits(adapted, memory, within):
    assert FullSizeResult(StepTime(1.0, 0.3), adapted, int(memory), 1.15).within is within
    assert (full_size.WALL_AT_MOST, full_size.OUTSIDE_AT_MOST, full_size.MEMORY_AT_MOST) == (1.55, 1.10, 6e9)
