"""What is measured on a GPU, on the processor with a tiny configuration."""

from __future__ import annotations

import pytest

from engine.full_size_gpu import denoising, full_base, training
from tests.engine.counting.tiny_blueprints import tiny_blueprint


@pytest.mark.parametrize("family", ["unet_motion", "wan"])
def test_steps_with_more_and_more_adapters_and_training_steps_are_timed(family):
    base = full_base(tiny_blueprint(family), "cpu")
    costs = denoising(base, most=2, rounds=1)
    assert [cost.name for cost in costs] == ["base", "base + 1 adapter", "base + 2 adapters"]
    trained = [training(base, rounds=1, recompute=recompute) for recompute in (False, True)]
    assert [cost.name for cost in trained] == ["training step", "training step, with gradient checkpointing"]
    assert all(cost.seconds > 0 and cost.memory > 50e6 for cost in (*costs, *trained))
