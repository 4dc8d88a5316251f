"""The effect meter: adapters that do nothing are found out."""

from __future__ import annotations

import pytest
import torch

from engine.adapters.attach import attached
from engine.adapters.composition import Composition
from engine.sampling.effect import EffectMeter, changed_share
from engine.sampling.sampler import Sampler, SamplerSettings
from tests.engine.tiny_adapters import adapter_spec, all_parts, fresh, lively


def effects(base, *entries):
    composition = Composition(entries)
    meter = EffectMeter(steps=4)
    sampler = Sampler(base, SamplerSettings(3, "ddim", 4, None, match_first_frame=True))
    with attached(base, composition):
        sampler.sample(torch.randn(1, 4, 1, 8, 8), seed=3, watch=meter)
    return meter.measure(base, composition, schedule=sampler.schedule)


def test_a_fresh_adapter_moved_nothing_beside_one_that_did(tiny_base):
    idle = fresh(tiny_base, adapter_spec(tiny_base, ranks=all_parts(tiny_base)))
    busy = lively(tiny_base)
    first, second = effects(tiny_base, (idle, 0.5), (busy, 3.0))
    assert first.nothing
    assert first.moved == 0
    assert not second.nothing
    assert 0 < second.moved <= 1


def test_an_untrained_adapter_alone_moved_nothing(tiny_base):
    (effect,) = effects(tiny_base, (fresh(tiny_base, adapter_spec(tiny_base, ranks=all_parts(tiny_base))), 1.0))
    assert effect.nothing


def test_weight_zero_is_no_effect(tiny_base):
    _, muted = effects(tiny_base, (lively(tiny_base), 1.0), (lively(tiny_base, seed=2), 0.0))
    assert muted.moved == 0


def test_nothing_is_known_of_a_run_that_stopped_early(tiny_base):
    composition = Composition.of(lively(tiny_base))
    assert EffectMeter(steps=4).measure(tiny_base, composition, schedule=None) == ()


def test_the_share_counts_places_that_any_frame_changed():
    change = torch.zeros(1, 3, 3, 10, 10)
    change[:, :, 1, :5] = 0.5
    change[:, :, 2, :, :2] = -0.5
    change[:, :, 0] = 0.9
    assert changed_share(change) == pytest.approx(0.6)


def test_a_change_of_a_few_levels_is_not_seen():
    change = torch.zeros(1, 3, 2, 10, 10)
    change[:, :, 1, :4] = 4 / 127.5
    change[:, :, 1, 6:] = 12 / 127.5
    assert changed_share(change) == pytest.approx(0.4)
