"""The implicit prompt stands in for the base's words."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from engine.adapters.attach import attached
from engine.adapters.composition import Composition
from registry_schema.ranks import Ranks
from tests.engine.adapters.site_stories import call_of, first_site, hidden_of, run_site
from tests.engine.tiny_adapters import adapter_spec, fresh, lively, noisy_latents
from tests.engine.tiny_bases import tiny_unet_base
from tests.engine.tiny_wan import tiny_wan_base

BASES = pytest.mark.parametrize("make_base", [tiny_unet_base, tiny_wan_base])


@BASES
def test_a_fresh_prompt_says_nothing(make_base):
    base = make_base()
    site = first_site(base, "cross")
    call = call_of(base, batch=2, frames=3)
    hidden = hidden_of(base, site, call)
    adapter = fresh(base, adapter_spec(base, ranks=Ranks(implicit_prompt=4)))
    assert torch.equal(run_site(base, site, call, Composition.of(adapter), hidden), torch.zeros_like(hidden))


@BASES
def test_the_output_is_the_network_after_the_frozen_query(make_base):
    base = make_base()
    site = first_site(base, "cross")
    call = call_of(base, batch=2, frames=3)
    hidden = hidden_of(base, site, call)
    adapter = lively(base, adapter_spec(base, ranks=Ranks(implicit_prompt=4)))
    part = adapter.parts[site.path]
    query = site.module.to_q(hidden)  # with its bias on Wan
    query = site.module.norm_q(query) if base.spec.family == "wan" else query
    low = F.layer_norm(query @ part.down.weight.T, (4,), part.norm.weight, part.norm.bias)
    expected = F.gelu(low, approximate="none") @ part.up.weight.T
    assert torch.allclose(run_site(base, site, call, Composition.of(adapter), hidden), expected, atol=1e-5)


def test_folding_the_query_into_the_network_changes_nothing(tiny_base):
    adapter = lively(tiny_base)
    noisy, timestep = noisy_latents(tiny_base)
    results = []
    for mode in (True, False):
        adapter.train(mode)
        with torch.no_grad(), attached(tiny_base, Composition.of(adapter)):
            results.append(tiny_base.predict(noisy, timestep))
    assert torch.allclose(*results, atol=1e-5)


def test_a_hook_on_the_query_keeps_it_from_being_folded(tiny_base):
    adapter = lively(tiny_base)
    site = first_site(tiny_base, "cross")
    called = []
    handle = site.module.to_q.register_forward_hook(lambda *_: called.append(site.path))
    noisy, timestep = noisy_latents(tiny_base)
    with torch.no_grad(), attached(tiny_base, Composition.of(adapter)):
        tiny_base.predict(noisy, timestep)
    handle.remove()
    assert called == [site.path]


def test_the_words_of_the_base_are_not_read(tiny_base):
    noisy, timestep = noisy_latents(tiny_base)
    with torch.no_grad(), attached(tiny_base, Composition.of(lively(tiny_base))):
        before = tiny_base.predict(noisy, timestep)
        tiny_base._condition = torch.randn(1, 5, 16)
        assert torch.equal(tiny_base.predict(noisy, timestep), before)
