"""What is computed once, folded or left out changes no number: laws in double precision."""

from __future__ import annotations

import pytest
import torch

from engine.adapters.attach import attached
from engine.adapters.composition import Composition
from engine.adapters.reference_attention import joint_references, separate_references
from engine.sampling.sampler import Sampler, SamplerSettings
from registry_schema.ranks import Ranks
from tests.engine.adapters.site_stories import call_of, first_site, hidden_of, run_site
from tests.engine.tiny_adapters import adapter_spec, all_parts, lively, noisy_latents
from tests.engine.tiny_bases import tiny_unet_base
from tests.engine.tiny_wan import tiny_wan_base

FRAMES = 3
BASES = pytest.mark.parametrize("make_base", [tiny_unet_base, tiny_wan_base])


def double(base):
    base.denoiser.double()
    base._condition = base._condition.double()
    return base


def close(one: torch.Tensor, other: torch.Tensor) -> bool:
    return torch.allclose(one, other, atol=1e-12, rtol=1e-12)


def random_heads(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=torch.float64)


@pytest.mark.parametrize("references", [separate_references, joint_references])
@pytest.mark.parametrize("frames", [2, 4])
def test_without_its_queries_only_frame_zero_is_missing(references, frames):
    query = random_heads(2, 3, frames, 5, 2, 4)
    key, value = random_heads(3, frames, 5, 2, 4), random_heads(3, frames, 5, 2, 4)
    for whole, later in zip(references(query, key, value), references(query[:, :, 1:], key, value), strict=True):
        assert close(whole[:, :, 1:], later)


@BASES
@pytest.mark.parametrize("rank", [4, "full"])
@pytest.mark.parametrize("combine", ["separate", "joint"])
def test_skip_first_leaves_out_what_frame_zero_adds_and_nothing_else(make_base, rank, combine):
    base = double(make_base())
    site = first_site(base, "self")
    call = call_of(base, batch=2, frames=FRAMES)
    hidden = hidden_of(base, site, call)
    kept, skipping = (
        lively(base, adapter_spec(base, ranks=Ranks(cross_frame_attention=rank), combine=combine, skip_first=skip))
        for skip in (False, True)
    )
    with torch.no_grad():
        stock = site.processor(site.module, hidden)
    shape = (call.batch, FRAMES, -1, site.width)
    whole, skipped = (
        run_site(base, site, call, Composition.of(one), hidden).reshape(shape) for one in (kept, skipping)
    )
    assert torch.equal(skipped[:, 0], stock.reshape(shape)[:, 0])
    assert not torch.allclose(whole[:, 0], skipped[:, 0], atol=1e-3)
    assert torch.allclose(whole[:, 1:], skipped[:, 1:], atol=1e-6)  # norms of Wan compute in float32


def test_rotated_queries_keep_their_places_when_frame_zero_is_skipped():
    base = double(tiny_wan_base())
    site = first_site(base, "self")
    call = call_of(base, batch=1, frames=FRAMES)
    hidden = hidden_of(base, site, call)
    rotary = base.denoiser.rope(torch.zeros(1, 4, FRAMES, 8, 8))
    ranks = Ranks(cross_frame_attention=4)
    whole, skipped = (
        run_site(base, site, call, Composition.of(lively(base, spec)), hidden, rotary_emb=rotary)
        for spec in (adapter_spec(base, ranks=ranks, rotary=True, skip_first=skip) for skip in (False, True))
    )
    tokens = hidden.shape[1] // FRAMES
    assert torch.allclose(whole[:, tokens:], skipped[:, tokens:], atol=1e-6)


@BASES
def test_adapters_that_skip_and_adapters_that_do_not_share_a_site(make_base):
    base = double(make_base())
    site = first_site(base, "self")
    call = call_of(base, batch=1, frames=FRAMES)
    hidden = hidden_of(base, site, call)
    ranks = Ranks(cross_frame_attention=4)
    kept = lively(base, adapter_spec(base, ranks=ranks), seed=1)
    skipping = lively(base, adapter_spec(base, ranks=ranks, skip_first=True), seed=2)
    with torch.no_grad():
        stock = site.processor(site.module, hidden)

    def update(*entries):
        return run_site(base, site, call, Composition(entries), hidden) - stock

    together = update((kept, 0.3), (skipping, 0.7))
    assert torch.allclose(together, update((kept, 0.3)) + update((skipping, 0.7)), atol=1e-6)


@pytest.mark.parametrize("combine", ["separate", "joint"])
def test_a_clip_of_one_frame_that_is_skipped_is_the_bases_own(tiny_base, combine):
    ranks = Ranks(cross_frame_attention=4)
    adapter = lively(tiny_base, adapter_spec(tiny_base, ranks=ranks, combine=combine, skip_first=True))
    noisy, timestep = noisy_latents(tiny_base)
    with torch.no_grad():
        stock = tiny_base.predict(noisy[:, :, :1], timestep)
        with attached(tiny_base, Composition.of(adapter)):
            assert torch.equal(tiny_base.predict(noisy[:, :, :1], timestep), stock)


@BASES
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_weights_of_references_from_the_table_are_those_of_the_step_bit_for_bit(make_base, dtype):
    base = make_base()
    base.denoiser.to(dtype)
    base._condition = base._condition.to(dtype)
    composition = Composition.of(lively(base, seed=1), lively(base, seed=2))
    noisy, _ = noisy_latents(base, batch=1)
    with torch.no_grad():
        with attached(base, composition):
            steps = [base.predict(noisy, timestep) for timestep in (901.0, 301.0)]
        with attached(base, composition, timesteps=(901.0, 301.0)):
            table = [base.predict(noisy, timestep) for timestep in (901.0, 301.0)]
    assert not torch.equal(*steps)
    assert all(map(torch.equal, steps, table))


def weighing_calls(base, composition) -> list[str]:
    """Filled with one entry whenever a weighting module of an adapter runs."""
    called: list[str] = []
    for adapter, _ in composition.entries:
        for part in adapter.parts.values():
            if hasattr(part, "lambda"):
                part.get_submodule("lambda").register_forward_hook(lambda *_: called.append("weighed"))
    return called


@BASES
def test_a_sampler_weighs_references_before_it_starts_and_never_again(make_base):
    base = make_base()
    composition = Composition.of(lively(base))
    called = weighing_calls(base, composition)
    sampler = Sampler(base, SamplerSettings.of(base.spec.sampling, frames=3))
    first = noisy_latents(base, batch=1)[0][:, :, :1].float()
    with attached(base, composition, timesteps=sampler.timesteps):
        before = len(called)
        clip = sampler.sample(first, seed=1)
    assert before == len(called) == len(sampler.timesteps) * sum(site.kind == "self" for site in base.sites())
    with attached(base, composition):
        assert torch.equal(sampler.sample(first, seed=1), clip)
    assert len(called) == 2 * before


def test_a_timestep_that_is_not_in_the_table_is_weighed_when_it_comes(tiny_base):
    composition = Composition.of(lively(tiny_base))
    noisy, _ = noisy_latents(tiny_base, batch=1)
    with torch.no_grad():
        with attached(tiny_base, composition):
            wanted = tiny_base.predict(noisy, 500.0)
        with attached(tiny_base, composition, timesteps=(901.0,)):
            assert torch.equal(tiny_base.predict(noisy, 500.0), wanted)
            assert torch.equal(tiny_base.predict(noisy, torch.tensor([500.0])), wanted)


def test_a_folded_query_is_the_unfolded_one(tiny_base):
    base = double(tiny_base)
    site = first_site(base, "cross")
    call = call_of(base, batch=2, frames=FRAMES)
    hidden = hidden_of(base, site, call)
    adapter = lively(base, adapter_spec(base, ranks=Ranks(implicit_prompt=4)))
    folded, unfolded = (
        run_site(base, site, call, Composition.of(adapter.train(mode)), hidden) for mode in (False, True)
    )
    assert close(folded, unfolded)


@pytest.mark.parametrize("weights", [(1.0,), (0.5, 0.5), (0.7, 0.2, 0.1)])
def test_the_anchor_that_is_skipped_would_have_changed_nothing(tiny_base, weights):
    base = double(tiny_base)
    site = first_site(base, "temporal")
    call = call_of(base, batch=2, frames=4)
    hidden = hidden_of(base, site, call)
    adapters = [lively(base, adapter_spec(base, ranks=all_parts(base)), seed=seed) for seed in range(len(weights))]
    composition = Composition(tuple(zip(adapters, weights, strict=True)))
    # whoever is told of updates gets them with the anchor computed
    with attached(base, composition, observe=lambda *_: None), base.calls.during(call), torch.no_grad():
        anchored = site.processor(site.module, hidden)
    assert close(run_site(base, site, call, composition, hidden), anchored)
