"""Cross-frame attention against MIVA Eq. (2) written out frame by frame."""

from __future__ import annotations

import pytest
import torch

from engine.adapters.composition import Composition
from engine.adapters.reference_attention import joint_references, separate_references
from registry_schema.adapter_spec import FixedWeighting
from registry_schema.ranks import Ranks
from tests.engine.adapters.site_stories import call_of, first_site, heads_apart, hidden_of, plain_attention, run_site
from tests.engine.tiny_adapters import adapter_spec, lively
from tests.engine.tiny_bases import tiny_unet_base
from tests.engine.tiny_wan import tiny_wan_base

FRAMES = 3


def written_out(site, part, call, hidden):
    """sum over the two references of l_j CFA(z_i, z_j), for every sample and frame, with plain loops: b f n d."""
    layer = site.module
    normed = hasattr(layer, "norm_q") and layer.norm_q is not None
    frames = hidden.reshape(call.batch, call.frames, -1, site.width)
    bias = layer.to_q.bias
    full = hasattr(part.q, "weight")
    result = torch.zeros_like(frames)
    for sample in range(call.batch):
        silu = torch.nn.functional.silu(call.time_embedding[sample].float())
        learned = part._weighting
        weights = ((learned.weight.float() @ silu + learned.bias.float()) / learned.temperature).softmax(0)
        for index in range(call.frames):
            z = frames[sample, index]
            if full:
                query = z @ part.q.weight.T + (0 if bias is None else bias)
            else:
                query = layer.to_q(z) + z @ part.q.lora_A.weight.T @ part.q.lora_B.weight.T
            query = layer.norm_q(query) if normed else query
            for weight, reference in zip(weights, (0, max(index - 1, 0)), strict=True):
                key = layer.to_k(frames[sample, reference])
                key = layer.norm_k(key) if normed else key
                value = layer.to_v(frames[sample, reference])
                result[sample, index] += weight * part.o(plain_attention(site, query, key, value))
            if full:  # the bias of the output belongs to the sum, once
                assert torch.isclose(weights.sum(), torch.ones(()))
    return result


@pytest.mark.parametrize("make_base", [tiny_unet_base, tiny_wan_base])
@pytest.mark.parametrize("rank", [4, "full"])
def test_the_update_is_equation_two(make_base, rank):
    base = make_base()
    site = first_site(base, "self")
    adapter = lively(base, adapter_spec(base, ranks=Ranks(cross_frame_attention=rank)))
    call = call_of(base, batch=2, frames=FRAMES)
    hidden = hidden_of(base, site, call)
    with torch.no_grad():
        base_output = site.processor(site.module, hidden)
        expected = base_output + 0.7 * written_out(site, adapter.parts[site.path], call, hidden).reshape(hidden.shape)
    assert torch.allclose(run_site(base, site, call, Composition(((adapter, 0.7),)), hidden), expected, atol=1e-5)


def written_out_jointly(site, part, call, hidden):
    """The same as the authors write it: keys of both references under one softmax, values weighted by l1 and l2."""
    layer = site.module
    normed = hasattr(layer, "norm_q") and layer.norm_q is not None
    frames = hidden.reshape(call.batch, call.frames, -1, site.width)
    result = torch.zeros_like(frames)
    for sample in range(call.batch):
        weights = part.reference_weights(call.time_embedding[sample : sample + 1])[0].to(hidden.dtype)
        for index in range(call.frames):
            z = frames[sample, index]
            query = layer.to_q(z) + z @ part.q.lora_A.weight.T @ part.q.lora_B.weight.T
            query = layer.norm_q(query) if normed else query
            references = [frames[sample, 0], frames[sample, max(index - 1, 0)]]
            keys = torch.cat([layer.norm_k(layer.to_k(z)) if normed else layer.to_k(z) for z in references])
            values = torch.cat([weight * layer.to_v(z) for weight, z in zip(weights, references, strict=True)])
            result[sample, index] = part.o(plain_attention(site, query, keys, values))
    return result


@pytest.mark.parametrize("make_base", [tiny_unet_base, tiny_wan_base])
def test_one_softmax_over_both_references_is_the_authors_layer_in_float64(make_base):
    base = make_base()
    base.denoiser.double()
    base._condition = base._condition.double()
    site = first_site(base, "self")
    adapter = lively(base, adapter_spec(base, ranks=Ranks(cross_frame_attention=4), combine="joint"))
    call = call_of(base, batch=2, frames=FRAMES)
    hidden = hidden_of(base, site, call)
    with torch.no_grad():
        expected = site.processor(site.module, hidden) + written_out_jointly(
            site, adapter.parts[site.path], call, hidden
        ).reshape(hidden.shape)
    found = run_site(base, site, call, Composition.of(adapter), hidden)
    assert found.dtype == torch.float64
    assert torch.allclose(found, expected, atol=1e-7)  # reference weights are float32


def random_heads(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=torch.float64)


def test_one_softmax_over_both_references_gates_the_two_results():
    query = random_heads(2, 2, FRAMES, 5, 2, 4)
    key, value = random_heads(2, FRAMES, 5, 2, 4), random_heads(2, FRAMES, 5, 2, 4)
    first, previous = separate_references(query, key, value)
    joint_first, joint_previous = joint_references(query, key, value)
    before = torch.cat([key[:, :1], key[:, :-1]], dim=1)
    mass_first = torch.einsum("ksfphd,sqhd->ksfphq", query, key[:, 0]).div(2).exp().sum(-1, keepdim=True)
    mass_previous = torch.einsum("ksfphd,sfqhd->ksfphq", query, before).div(2).exp().sum(-1, keepdim=True)
    gate = mass_first / (mass_first + mass_previous)
    assert torch.allclose(joint_first, (gate * first.unflatten(-1, (2, 4))).flatten(-2))
    assert torch.allclose(joint_previous, ((1 - gate) * previous.unflatten(-1, (2, 4))).flatten(-2))


def test_frame_zero_under_one_softmax_is_half_of_its_self_attention(tiny_base):
    site = first_site(tiny_base, "self")
    spec = adapter_spec(tiny_base, ranks=Ranks(cross_frame_attention=4), combine="joint")
    adapter = lively(tiny_base, spec)
    part, call = adapter.parts[site.path], call_of(tiny_base, batch=1, frames=FRAMES)
    hidden = hidden_of(tiny_base, site, call)
    with torch.no_grad():
        update = run_site(tiny_base, site, call, Composition.of(adapter), hidden) - site.processor(site.module, hidden)
        query = part.raw_query(hidden[0], site.module.to_q(hidden[0]), None)
        attention = plain_attention(site, query, site.module.to_k(hidden[0]), site.module.to_v(hidden[0]))
        assert torch.allclose(update[0], part.o(attention) / 2, atol=1e-6)


def test_fixed_weights_are_taken_as_they_are(tiny_base):
    site = first_site(tiny_base, "self")
    call = call_of(tiny_base, batch=1, frames=FRAMES)
    hidden = hidden_of(tiny_base, site, call)
    ranks = Ranks(cross_frame_attention=4)
    outputs = [
        run_site(tiny_base, site, call, Composition.of(lively(tiny_base, spec)), hidden)
        for first in (0.0, 1.0, 0.5)
        for spec in [adapter_spec(tiny_base, ranks=ranks, weighting=FixedWeighting(first=first))]
    ]
    assert torch.allclose((outputs[0] + outputs[1]) / 2, outputs[2], atol=1e-6)
    assert not torch.allclose(outputs[0][1:], outputs[1][1:], atol=1e-3)


def test_learned_weights_start_at_one_half_and_follow_the_timestep(tiny_base):
    site = first_site(tiny_base, "self")
    adapter = lively(tiny_base)
    part = adapter.parts[site.path]
    embedding = torch.randn(3, site.time_width)
    weights = part.reference_weights(embedding)
    assert torch.allclose(weights.sum(1), torch.ones(3))
    assert weights[:, 0].std() > 0
    part._weighting.start()
    assert torch.equal(part.reference_weights(embedding), torch.full((3, 2), 0.5))


def test_rotary_queries_and_keys_turn_with_their_place():
    base = tiny_wan_base()
    site = first_site(base, "self")
    call = call_of(base, batch=1, frames=FRAMES)
    hidden = hidden_of(base, site, call)
    rotary = base.denoiser.rope(torch.zeros(1, 4, FRAMES, 8, 8))
    plain, turned = (
        Composition.of(lively(base, adapter_spec(base, ranks=Ranks(cross_frame_attention=4), rotary=on)))
        for on in (False, True)
    )
    with torch.no_grad():
        stock = site.processor(site.module, hidden, rotary_emb=rotary)
    updates = [run_site(base, site, call, one, hidden, rotary_emb=rotary) - stock for one in (plain, turned)]
    assert not torch.allclose(*updates, atol=1e-3)


def test_heads_are_told_apart_as_the_base_does(tiny_base):
    site = first_site(tiny_base, "self")
    tokens = torch.randn(2, 5, site.width)
    ours = site.layer.query_heads(site.module, tokens, None).transpose(1, 2)
    assert torch.equal(ours, heads_apart(site, tokens))
