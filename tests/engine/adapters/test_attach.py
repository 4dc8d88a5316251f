"""Adapters go on a base and come off without a trace; nothing takes them off unnoticed."""

from __future__ import annotations

import pytest
import torch

from engine.adapters.attach import attached
from engine.adapters.composition import Composition
from registry_schema.errors import Incompatible, UsageProblem
from registry_schema.ranks import Ranks
from tests.engine.tiny_adapters import adapter_spec, all_parts, fresh, lively, noisy_latents
from tests.engine.tiny_bases import tiny_unet_base
from tests.engine.tiny_wan import tiny_wan_base

BASES = pytest.mark.parametrize("make_base", [tiny_unet_base, tiny_wan_base])


@BASES
def test_detaching_restores_the_base_exactly(make_base):
    base = make_base()
    noisy, timestep = noisy_latents(base)
    before, keys = base.predict(noisy, timestep), list(base.denoiser.state_dict())
    with attached(base, Composition.of(lively(base))):
        assert not torch.equal(base.predict(noisy, timestep), before)
        assert list(base.denoiser.state_dict()) == keys
    assert torch.equal(base.predict(noisy, timestep), before)
    assert list(base.denoiser.state_dict()) == keys


@BASES
def test_an_error_inside_restores_the_base_too(make_base):
    base = make_base()
    processors = [site.processor for site in base.sites()]
    with pytest.raises(ZeroDivisionError), attached(base, Composition.of(lively(base))):
        _ = 1 / 0
    assert all(site.processor is before for site, before in zip(base.sites(), processors, strict=True))
    assert not base.denoiser._forward_pre_hooks


@BASES
@pytest.mark.parametrize("rank", [4, "full"])
def test_a_fresh_adapter_leaves_self_and_temporal_sites_unchanged(make_base, rank):
    base = make_base()
    ranks = all_parts(base, rank=rank).model_copy(update={"implicit_prompt": None})
    noisy, timestep = noisy_latents(base)
    before = base.predict(noisy, timestep)
    with attached(base, Composition.of(fresh(base, adapter_spec(base, ranks=ranks)))):
        assert torch.equal(base.predict(noisy, timestep), before)


def test_a_processor_taken_away_is_an_error_at_the_next_forward_pass(tiny_base):
    noisy, timestep = noisy_latents(tiny_base)
    with attached(tiny_base, Composition.of(lively(tiny_base))) as attachment:
        attachment.verify()
        tiny_base.denoiser.fuse_qkv_projections()
        with pytest.raises(Incompatible, match=r"adapters were detached at `down_blocks.0.*FusedAttnProcessor2_0"):
            tiny_base.predict(noisy, timestep)


def test_fused_projections_of_wan_keep_working():
    base = tiny_wan_base()
    noisy, timestep = noisy_latents(base)
    composition = Composition.of(lively(base))
    with attached(base, composition):
        before = base.predict(noisy, timestep)
    for block in base.denoiser.blocks:
        block.attn1.fuse_projections()
    with attached(base, composition):
        assert torch.allclose(base.predict(noisy, timestep), before, atol=1e-5)


def test_adapters_are_attached_once(tiny_base):
    composition = Composition.of(lively(tiny_base))
    with (
        attached(tiny_base, composition),
        pytest.raises(Incompatible, match="attached already"),
        attached(tiny_base, composition),
    ):
        pass


def test_the_denoiser_does_not_run_by_itself_with_adapters_on(tiny_base):
    noisy, timestep = noisy_latents(tiny_base)
    words = torch.zeros(noisy.shape[0] * noisy.shape[2], 1, 16)
    with (
        attached(tiny_base, Composition.of(lively(tiny_base))),
        pytest.raises(UsageProblem, match=r"expected `Base.predict`"),
    ):
        tiny_base.denoiser(noisy, timestep, encoder_hidden_states=words)


def test_an_adapter_of_another_base_is_refused(tiny_base):
    other = lively(tiny_wan_base())
    with (
        pytest.raises(Incompatible, match=r"part at `blocks.0.attn1`, which the base does not have"),
        attached(tiny_base, Composition.of(other)),
    ):
        pass


def test_parts_that_are_not_built_are_refused(tiny_base):
    plain = adapter_spec(tiny_base, ranks=Ranks(cross_frame_attention=4))
    sequential = plain.cross_frame_attention.model_copy(update={"placement": "sequential"})
    with pytest.raises(Incompatible, match="placed `sequential`, base `tiny` takes it `parallel` only"):
        fresh(tiny_base, plain.model_copy(update={"cross_frame_attention": sequential}))


def test_temporal_lora_needs_temporal_sites():
    base = tiny_wan_base()
    with pytest.raises(Incompatible, match="changes temporal attention, which base `tiny-wan` does not have"):
        fresh(base, adapter_spec(base, ranks=Ranks(temporal_lora=4)))
