"""Bytes of training: live tensors are told from dead ones, and shapes say what real tensors do."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from engine.adapters.attach import attached
from engine.adapters.composition import Composition
from engine.adapters.miva import MivaAdapter
from engine.counting.attention_kernel import attention_by, fused_attention, plain_attention
from engine.counting.count import empty_latents
from engine.counting.live_bytes import LiveBytes, storage_bytes
from engine.counting.training_bytes import training_bytes
from tests.engine.counting.tiny_blueprints import meta_base
from tests.engine.tiny_adapters import adapter_spec, all_parts, noisy_latents
from tests.engine.tiny_bases import tiny_unet_base
from tests.engine.tiny_wan import tiny_wan_base


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_bytes_live_as_long_as_something_holds_them(device):
    with LiveBytes() as live:
        one = torch.zeros(100, device=device)
        assert (live.live, live.most) == (400, 400)
        view = one.view(10, 10)[2:]
        assert live.live == 400
        other = one + 1
        assert (live.live, live.most) == (800, 800)
        del one
        assert live.live == 800  # the view holds it
        del view, other
        assert (live.live, live.most) == (0, 800)


def test_what_is_counted_elsewhere_is_left_out_with_its_views():
    weight = torch.zeros(100)
    with LiveBytes(apart=(weight,)) as live:
        weight.view(10, 10).add_(1)
        assert live.most == 0
    assert storage_bytes([weight, weight[:5], torch.zeros(3)]) == 412


def fresh(base) -> MivaAdapter:
    return MivaAdapter.create(adapter_spec(base, ranks=all_parts(base)), base.sites())


@pytest.mark.parametrize("make_base", [tiny_unet_base, tiny_wan_base])
def test_saved_activations_are_those_of_a_real_pass(make_base):
    real = make_base()
    adapter = fresh(real).train()
    noisy, timestep = noisy_latents(real, batch=1)
    real.set_checkpointing(enabled=True)
    live = LiveBytes(apart=(*real.denoiser.parameters(), *real.denoiser.buffers(), *adapter.parameters()))
    with attached(real, Composition.of(adapter)), live:
        loss = real.predict(noisy, timestep)[:, :, 1:].float().square().mean()
        saved = live.live
    assert loss.requires_grad
    shapes = meta_base(real.spec.family)
    counted = training_bytes(shapes, fresh(shapes), *empty_latents(shapes))
    assert counted.saved == pytest.approx(saved, rel=0.02)


def test_every_trained_number_is_kept_five_times_in_float32():
    base = meta_base()
    adapter = fresh(base)
    counted = training_bytes(base, adapter, *empty_latents(base))
    assert counted.adapter == 5 * 4 * sum(tensor.numel() for tensor in adapter.parameters())
    assert counted.weights == 4 * sum(tensor.numel() for tensor in base.denoiser.state_dict().values())
    assert counted.peak == counted.weights + counted.adapter + counted.saved + counted.transient


def test_no_matrix_of_tokens_by_tokens_is_kept_by_a_fused_kernel():
    query = torch.empty(1, 2, 1000, 8, device="meta", requires_grad=True)
    most = {}
    for attention in (fused_attention, plain_attention):
        with LiveBytes() as live, attention_by(attention):
            mixed = F.scaled_dot_product_attention(query, query, query)
            assert mixed.shape == query.shape
        most[attention] = live.most
    assert most[fused_attention] < 2 * 1000 * 1000 * 4 < most[plain_attention]


def test_attention_is_torchs_own_again_whatever_happens():
    with pytest.raises(ZeroDivisionError), attention_by(fused_attention):
        _ = 1 / 0
    assert F.scaled_dot_product_attention is plain_attention


def test_real_tensors_and_masks_meet_torchs_own_attention():
    query = torch.randn(1, 2, 5, 8)
    mask = torch.rand(5, 5) > 0.5
    mask[:, 0] = True
    with attention_by(fused_attention):
        for more in ((), (mask,)):
            assert torch.equal(F.scaled_dot_product_attention(query, query, query, *more),
                               plain_attention(query, query, query, *more))  # fmt: skip
