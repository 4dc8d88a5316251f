"""Where adapters pull in different directions."""

from __future__ import annotations

import pytest
import torch

from engine.adapters.attach import attached
from engine.adapters.composition import Composition
from engine.adapters.conflict import conflicts
from tests.engine.tiny_adapters import lively, noisy_latents


def test_an_adapter_agrees_with_itself_at_every_site(tiny_base):
    adapter = lively(tiny_base)
    noisy, timestep = noisy_latents(tiny_base, batch=1)
    found = conflicts(tiny_base, Composition(((adapter, 0.5), (adapter, 0.5))), noisy, timestep)
    assert sorted(conflict.path for conflict in found) == sorted(site.path for site in tiny_base.sites())
    assert [conflict.cosine for conflict in found] == pytest.approx([1.0] * len(found), abs=1e-5)
    assert [conflict.strength for conflict in found] == pytest.approx([1.0] * len(found), abs=1e-5)


def test_an_adapter_with_its_outputs_turned_round_conflicts(tiny_base):
    one, other = lively(tiny_base), lively(tiny_base)
    for name, tensor in other.named_parameters():
        if name.endswith(("cfa.o.lora_B.weight", "ca.up.weight")):
            tensor.mul_(-1)
    noisy, timestep = noisy_latents(tiny_base, batch=1)
    found = conflicts(tiny_base, Composition(((one, 0.5), (other, 0.5))), noisy, timestep)
    spatial = [conflict.cosine for conflict in found if conflict.kind != "temporal"]
    assert spatial == pytest.approx([-1.0] * len(spatial), abs=1e-5)


def test_three_adapters_make_three_pairs(tiny_base):
    adapters = [lively(tiny_base, seed=seed) for seed in range(3)]
    noisy, timestep = noisy_latents(tiny_base, batch=1)
    found = conflicts(tiny_base, Composition.of(*adapters), noisy, timestep)
    assert {(conflict.first, conflict.second) for conflict in found} == {(0, 1), (0, 2), (1, 2)}


def test_watching_does_not_change_the_result(tiny_base):
    noisy, timestep = noisy_latents(tiny_base, batch=1)
    composition = Composition(((lively(tiny_base, seed=1), 0.3), (lively(tiny_base, seed=2), 0.4)))
    results = []
    for observe in (None, lambda site, updates: None):
        with torch.no_grad(), attached(tiny_base, composition, observe=observe):
            results.append(tiny_base.predict(noisy, timestep))
    assert torch.allclose(*results, atol=1e-5)
