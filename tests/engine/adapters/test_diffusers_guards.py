"""What the installed diffusers does to attention processors, one event after the other; nothing detaches silently."""

from __future__ import annotations

import copy

import pytest
import torch
from diffusers import FirstBlockCacheConfig, PyramidAttentionBroadcastConfig, apply_first_block_cache
from diffusers.hooks import (
    LayerSkipConfig,
    apply_layer_skip,
    apply_layerwise_casting,
    apply_pyramid_attention_broadcast,
)
from diffusers.models.attention_dispatch import AttentionBackendName, _AttentionBackendRegistry
from diffusers.models.attention_processor import SlicedAttnProcessor, XFormersAttnProcessor
from peft import LoraConfig

from engine.adapters.attach import attached
from engine.adapters.composition import Composition
from engine.adapters.cross_processor import CrossProcessor
from engine.adapters.self_processor import SelfProcessor
from engine.adapters.site_processor import SiteProcessor
from engine.adapters.temporal_processor import TemporalProcessor
from registry_schema.errors import Incompatible
from tests.engine.tiny_adapters import adapter_spec, all_parts, lively, noisy_latents
from tests.engine.tiny_bases import tiny_unet_base
from tests.engine.tiny_wan import tiny_wan_base

BASES = pytest.mark.parametrize("make_base", [tiny_unet_base, tiny_wan_base])
PAB = PyramidAttentionBroadcastConfig(
    spatial_attention_block_skip_range=2,
    spatial_attention_block_identifiers=("blocks",),
    current_timestep_callback=lambda: 500,
)


def predict(base):
    with torch.no_grad():
        return base.predict(*noisy_latents(base))


def in_their_order(base, sites):
    """As `attn_processors` lists them, which is what numbers in IP-Adapter files count."""
    names = list(base.denoiser.attn_processors)
    return sorted(sites, key=lambda site: names.index(f"{site.path}.processor"))


def ip_adapter_weights(base) -> list[dict[str, dict[str, torch.Tensor]]]:
    """An IP-Adapter for the tiny U-Net, in the layout of the released files."""
    cross = [site for site in base.sites() if site.kind == "cross"]
    layers = {
        f"{2 * number + 1}.to_{part}_ip.weight": torch.randn(site.width, 16)
        for number, site in enumerate(in_their_order(base, cross))
        for part in "kv"
    }
    projection = {"proj.weight": torch.randn(4 * 16, 8), "proj.bias": torch.zeros(4 * 16),
                  "norm.weight": torch.ones(16), "norm.bias": torch.zeros(16)}  # fmt: skip
    return [{"image_proj": projection, "ip_adapter": layers}]


# --- what exchanges processors ------------------------------------------------------------------------------------


def test_fused_projections_of_a_unet_detach_and_are_noticed(tiny_base):
    with attached(tiny_base, Composition.of(lively(tiny_base))):
        tiny_base.denoiser.fuse_qkv_projections()
        with pytest.raises(Incompatible, match="`FusedAttnProcessor2_0` computes it now"):
            predict(tiny_base)


def test_fused_projections_of_the_whole_wan_model_leave_adapters_on():
    base = tiny_wan_base()
    with attached(base, Composition.of(lively(base))):
        before = predict(base)
        base.denoiser.fuse_qkv_projections()
        assert torch.allclose(predict(base), before, atol=1e-5)


def test_the_default_processors_can_not_be_set_over_adapters(tiny_base):
    before = predict(tiny_base)
    with attached(tiny_base, Composition.of(lively(tiny_base))):
        with_adapters = predict(tiny_base)
        with pytest.raises(ValueError, match="Cannot call `set_default_attn_processor`"):
            tiny_base.denoiser.set_default_attn_processor()
        assert torch.equal(predict(tiny_base), with_adapters)
    tiny_base.denoiser.set_default_attn_processor()  # once they are off, it may
    assert torch.allclose(predict(tiny_base), before, atol=1e-6)
    assert not hasattr(tiny_wan_base().denoiser, "set_default_attn_processor")


def test_an_ip_adapter_does_not_load_over_adapters(tiny_base):
    with attached(tiny_base, Composition.of(lively(tiny_base))):
        before = predict(tiny_base)
        with pytest.raises(Incompatible, match="without weights") as refused:
            tiny_base.denoiser._load_ip_adapter_weights(ip_adapter_weights(tiny_base), low_cpu_mem_usage=False)
        assert refused.value.hint == "load the IP-Adapter first, then attach motion adapters"
        assert torch.equal(predict(tiny_base), before)


@pytest.mark.parametrize("processor", [SelfProcessor, CrossProcessor, TemporalProcessor])
def test_a_processor_without_adapters_is_not_made(processor):
    with pytest.raises(Incompatible, match="without weights"):
        processor()


def test_adapters_stand_on_an_ip_adapter_that_was_there_first(tiny_base):
    tiny_base.denoiser._load_ip_adapter_weights(ip_adapter_weights(tiny_base), low_cpu_mem_usage=False)
    before = [site.processor for site in tiny_base.sites()]
    keys = list(tiny_base.denoiser.state_dict())
    with attached(tiny_base, Composition.of(lively(tiny_base))) as attachment:
        attachment.verify()
    assert [site.processor for site in tiny_base.sites()] == before
    assert list(tiny_base.denoiser.state_dict()) == keys


@BASES
@pytest.mark.parametrize("other", [SlicedAttnProcessor(2), XFormersAttnProcessor()], ids=["slicing", "xformers"])
def test_a_toggle_of_slicing_or_xformers_is_noticed(make_base, other):
    base = make_base()
    with attached(base, Composition.of(lively(base))):
        base.sites()[0].module.set_processor(other)  # what the toggles do, on any machine
        with pytest.raises(Incompatible, match=f"`{type(other).__name__}` computes it now"):
            predict(base)


def test_slicing_by_the_layers_own_switch_is_noticed(tiny_base):
    with attached(tiny_base, Composition.of(lively(tiny_base))):
        tiny_base.sites()[0].module.set_attention_slice(1)
        with pytest.raises(Incompatible, match="adapters were detached"):
            predict(tiny_base)


def test_a_layer_exchanged_for_another_is_noticed(tiny_base):
    with attached(tiny_base, Composition.of(lively(tiny_base))):
        module = tiny_base.denoiser.down_blocks[0].motion_modules[0]
        before = module.transformer_blocks[0]
        module.transformer_blocks[0] = type(before)(16, 2, 8, cross_attention_dim=None, double_self_attention=True)
        with pytest.raises(Incompatible, match="was exchanged for another while adapters are attached"):
            predict(tiny_base)


# --- backends, caches, parallelism -------------------------------------------------------------------------------


@BASES
def test_the_attention_backend_is_honoured(make_base, monkeypatch):
    base = make_base()
    calls = []
    native = _AttentionBackendRegistry._backends[AttentionBackendName._NATIVE_MATH]

    def counting(*args, **kwargs):
        calls.append(1)
        return native(*args, **kwargs)

    monkeypatch.setitem(_AttentionBackendRegistry._backends, AttentionBackendName._NATIVE_MATH, counting)
    active = _AttentionBackendRegistry._active_backend
    with attached(base, Composition.of(lively(base))):
        before = predict(base)
        assert not calls
        base.denoiser.set_attention_backend("_native_math")
        try:
            assert torch.allclose(predict(base), before, atol=1e-5)
            assert len(calls) >= sum(site.kind != "cross" for site in base.sites())
        finally:
            base.denoiser.reset_attention_backend()
            _AttentionBackendRegistry.set_active_backend(active)
        assert torch.equal(predict(base), before)


def test_context_parallelism_is_refused():
    base = tiny_wan_base()
    with attached(base, Composition.of(lively(base))):
        base.sites()[0].processor._parallel_config = object()  # what `enable_parallelism` does
        with pytest.raises(Incompatible, match="context parallel"):
            predict(base)


@pytest.mark.parametrize("first", ["cache", "adapters"])
def test_pyramid_attention_broadcast_on_a_unet_is_refused(tiny_base, first):
    if first == "cache":
        apply_pyramid_attention_broadcast(tiny_base.denoiser, PAB)
        with (
            pytest.raises(Incompatible, match="takes motion for space"),
            attached(tiny_base, Composition.of(lively(tiny_base))),
        ):
            pass
        assert not any(isinstance(site.processor, SiteProcessor) for site in tiny_base.sites())
        return
    with attached(tiny_base, Composition.of(lively(tiny_base))):
        apply_pyramid_attention_broadcast(tiny_base.denoiser, PAB)
        with pytest.raises(Incompatible, match="takes motion for space"):
            predict(tiny_base)


def test_first_block_cache_finds_nothing_on_a_unet_and_leaves_adapters_alone(tiny_base):
    with attached(tiny_base, Composition.of(lively(tiny_base))):
        before = predict(tiny_base)
        with pytest.raises(IndexError):
            apply_first_block_cache(tiny_base.denoiser, FirstBlockCacheConfig(threshold=0.1))
        assert torch.equal(predict(tiny_base), before)


def test_first_block_cache_works_on_wan_with_adapters():
    base = tiny_wan_base()
    with attached(base, Composition.of(lively(base))):
        before = predict(base)
        base.denoiser.enable_cache(FirstBlockCacheConfig(threshold=0.1))
        with base.denoiser.cache_context("clip"):
            first, again = predict(base), predict(base)
        base.denoiser.disable_cache()
        assert torch.equal(first, before)
        assert torch.allclose(again, before, atol=1e-5)  # from the cache: the same input again


def test_caches_that_ask_for_our_classes_know_them():
    base = tiny_wan_base()
    with attached(base, Composition.of(lively(base))):
        skip = LayerSkipConfig(
            indices=[0], fqn="blocks", skip_attention=True, skip_attention_scores=False, skip_ff=False
        )
        before = predict(base)
        apply_layer_skip(base.denoiser, skip)
        assert not torch.equal(predict(base), before)


# --- number formats, keys, copies ------------------------------------------------------------------------------------


@BASES
def test_casting_the_base_to_eight_bits_leaves_adapters_in_full(make_base):
    base = make_base()
    adapter = lively(base, adapter_spec(base, ranks=all_parts(base, rank="full")))
    before = predict(base)
    tensors = {name: tensor.clone() for name, tensor in adapter.named_parameters()}
    with attached(base, Composition.of(adapter)):
        with_adapters = predict(base)
        base.denoiser.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=torch.float32)
        cast = predict(base)
    assert base.sites()[0].module.to_q.weight.dtype is torch.float8_e4m3fn
    assert all(torch.equal(tensor, tensors[name]) for name, tensor in adapter.named_parameters())
    assert (cast - with_adapters).norm() < 0.3 * (with_adapters - before).norm()


@BASES
def test_processors_are_no_modules_and_hide_no_tensors(make_base):
    base = make_base()
    names = list(base.denoiser.state_dict())
    with attached(base, Composition.of(lively(base))):
        assert any(isinstance(site.processor, SiteProcessor) for site in base.sites())
        assert not any(isinstance(site.processor, torch.nn.Module) for site in base.sites())
        assert list(base.denoiser.state_dict()) == names
        assert len(list(base.denoiser.parameters())) == len(list(make_base().denoiser.parameters()))


def test_a_denoiser_is_not_copied_with_adapters_on_it(tiny_base):
    with attached(tiny_base, Composition.of(lively(tiny_base))), pytest.raises(Incompatible, match="was copied"):
        copy.deepcopy(tiny_base.denoiser)


def test_the_folded_prompt_follows_a_layer_that_changes_under_it(tiny_base):
    site = next(site for site in tiny_base.sites() if site.kind == "cross")
    with attached(tiny_base, Composition.of(lively(tiny_base))):
        before = predict(tiny_base)
        other = torch.nn.Linear(site.width, site.width, bias=False)
        site.module.to_q = other
        changed = predict(tiny_base)
        tiny_base.denoiser.double()
        tiny_base._condition = tiny_base._condition.double()
        cast = predict(tiny_base)
    with attached(tiny_base, Composition.of(lively(tiny_base))):
        assert torch.allclose(predict(tiny_base), cast, atol=1e-6)
    assert not torch.equal(before, changed)
    assert torch.allclose(changed.double(), cast, atol=1e-4)


@BASES
def test_a_style_lora_inside_a_layer_counts_whenever_it_came(make_base):
    base = make_base()
    adapter = lively(base)
    with attached(base, Composition.of(adapter)):
        before = predict(base)
        base.denoiser.add_adapter(LoraConfig(r=2, target_modules=["to_q"], init_lora_weights=False), "style")
        under = predict(base)
    with attached(base, Composition.of(adapter)):
        assert torch.equal(predict(base), under)
    assert not torch.allclose(under, before, atol=1e-4)


def test_casting_by_the_bare_function_is_wans_own_trouble():
    """What `enable_layerwise_casting` is for: without it Wan's time embedding is fed another format."""
    base = tiny_wan_base()
    apply_layerwise_casting(base.denoiser, storage_dtype=torch.float8_e4m3fn, compute_dtype=torch.float32)
    with attached(base, Composition.of(lively(base))), pytest.raises((RuntimeError, NotImplementedError)):
        predict(base)
    assert not any(isinstance(site.processor, SiteProcessor) for site in base.sites())


def test_a_call_can_not_be_changed_under_a_pass_that_is_computed_again(tiny_base):
    seen = []
    handle = tiny_base.sites()[0].module.register_forward_pre_hook(lambda *_: seen.append(tiny_base.calls.get()))
    adapter = lively(tiny_base).train().requires_grad_(requires_grad=True)
    tiny_base.set_checkpointing(enabled=True)
    with attached(tiny_base, Composition.of(adapter)):
        noisy, timestep = noisy_latents(tiny_base)
        output = tiny_base.predict(noisy, timestep)
        predict(tiny_base)  # another pass in between
        first, between = seen
        output.square().mean().backward()
    handle.remove()
    assert seen[2] is first
    assert seen[2] is not between
    with pytest.raises(AttributeError):
        first.frames = 1
