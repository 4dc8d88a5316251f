"""Low-rank updates of attention along time, anchored at the base."""

from __future__ import annotations

import pytest
import torch
from peft import LoraConfig, inject_adapter_in_model, set_peft_model_state_dict

from engine.adapters.composition import Composition
from registry_schema.ranks import Ranks
from tests.engine.adapters.site_stories import call_of, first_site, hidden_of, plain_attention, run_site
from tests.engine.tiny_adapters import adapter_spec, lively

RANKS = Ranks(temporal_lora=4)
SCALE = 2.0 / 4


@pytest.fixture
def site(tiny_base):
    return first_site(tiny_base, "temporal")


def complete_attention(site, part, hidden):
    """tSA_k: the whole layer with one adapter's updates merged into its weights."""
    layer = site.module
    merged = {
        name: projection.weight + SCALE * update.lora_B.weight @ update.lora_A.weight
        for name, projection, update in (
            ("q", layer.to_q, part.to_q),
            ("k", layer.to_k, part.to_k),
            ("v", layer.to_v, part.to_v),
            ("out", layer.to_out[0], part.out),
        )
    }
    mixed = plain_attention(site, *(hidden @ merged[name].T for name in "qkv"))
    return mixed @ merged["out"].T + layer.to_out[0].bias


@pytest.mark.parametrize("weights", [(1.0,), (0.5, 0.5), (0.3, 0.2), (-0.4, 1.1, 0.6)])
def test_the_output_is_the_base_plus_weighted_differences(tiny_base, site, weights):
    adapters = [lively(tiny_base, adapter_spec(tiny_base, ranks=RANKS, alpha=2.0), seed=i) for i in range(len(weights))]
    call = call_of(tiny_base, batch=2, frames=4)
    hidden = hidden_of(tiny_base, site, call)
    with torch.no_grad():
        base = site.processor(site.module, hidden)
        expected = base.clone()
        for adapter, weight in zip(adapters, weights, strict=True):
            expected += weight * (complete_attention(site, adapter.parts[site.path], hidden) - base)
    composition = Composition(tuple(zip(adapters, weights, strict=True)))
    assert torch.allclose(run_site(tiny_base, site, call, composition, hidden), expected, atol=1e-5)


def test_an_update_is_what_peft_makes_of_the_same_tensors(tiny_base, site):
    update = lively(tiny_base, adapter_spec(tiny_base, ranks=RANKS, alpha=2.0)).parts[site.path].to_q
    hidden = torch.randn(2, 3, site.width)
    ours = site.module.to_q(hidden) + update(hidden)
    theirs = inject_adapter_in_model(LoraConfig(r=4, lora_alpha=2, target_modules=["to_q"]), site.module)
    keys = {f"to_q.{name}": tensor for name, tensor in update.state_dict().items()}
    assert not set_peft_model_state_dict(theirs, keys).unexpected_keys
    assert torch.allclose(site.module.to_q(hidden), ours, atol=1e-6)
