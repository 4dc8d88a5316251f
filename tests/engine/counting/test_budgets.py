"""What was promised about the paper's two bases at their full size, counted from shapes."""

from __future__ import annotations

import pytest

from engine.bases.published_bases import published_bases
from engine.count_requests import CountRequest
from engine.counting.budgets import BUDGETS
from engine.counting.count import count_base
from engine.progress import SilentProgress

PARAMETERS = {
    "animatediff-v3": (
        1_276_658_564,
        {"cross_frame_attention": 24_834_272, "implicit_prompt": 1_599_488, "temporal_lora": 9_011_200},
    ),
    # the modules that weigh the references belong to cross-frame attention
    "wan2.1-t2v-1.3b": (
        1_418_996_800,
        {"cross_frame_attention": 23_592_960 + 92_220, "implicit_prompt": 11_804_160},
    ),
}
MASKS = {
    "animatediff-v3": {"mask_stream": 24_793_280, "background_prompt": 1_599_488},
    "wan2.1-t2v-1.3b": {"mask_stream": 23_592_960, "background_prompt": 11_804_160},  # 35,397,120 together
}
TOTALS = {"animatediff-v3": 35_444_960, "wan2.1-t2v-1.3b": 35_489_340}


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_base_at_full_size_stays_within_its_budget(name):
    result = count_base(CountRequest(name, most=2, masked=True), SilentProgress())
    assert (result.parameters, result.parts) == PARAMETERS[name]
    assert sum(result.parts.values()) == TOTALS[name]
    promised = [step for step in result.steps if step.at_most is not None]
    assert len(promised) == 4
    for step in promised:
        assert 1 < step.ratio <= step.at_most, step
    kept, skipped = ({s.adapters: s.ratio for s in result.steps if s.skip_first is skip} for skip in (False, True))
    assert all(skipped[number] < kept[number] for number in (1, 2))
    assert result.peak_at_most is not None
    assert result.training.peak <= result.peak_at_most
    assert result.training.saved <= (result.saved_at_most or result.training.saved)
    masked = result.masked
    assert masked is not None
    assert masked.parts == MASKS[name]
    for run in masked.runs:
        assert run.at_most is None or 1 < run.ratio <= run.at_most, run
    promised_runs = [run for run in masked.runs if run.at_most is not None]
    assert len(promised_runs) == len(BUDGETS[name].masked_ratio)
    assert masked.training.peak <= (masked.peak_at_most or masked.training.peak)
    assert masked.decoders["probe"] < masked.decoders["vae"] / 1000


def test_every_budget_is_that_of_a_base_that_is_counted():
    assert BUDGETS.keys() == PARAMETERS.keys() == {known.base.facts.name for known in published_bases()}
