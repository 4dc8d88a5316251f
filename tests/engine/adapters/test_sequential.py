"""The authors' order on Wan: cross-frame attention behind self attention, on the raw residual stream."""

from __future__ import annotations

import pytest
import torch

from engine.adapters.attach import attached
from engine.adapters.composition import Composition
from engine.adapters.conflict import conflicts
from registry_schema.errors import Incompatible
from registry_schema.ranks import Ranks
from tests.engine.adapters.test_cross_frame import written_out
from tests.engine.tiny_adapters import adapter_spec, all_parts, fresh, lively, noisy_latents
from tests.engine.tiny_wan import tiny_wan_base


def sequential(base, *, rank: int | str = 4, prompt: bool = False, **attention):
    ranks = all_parts(base, rank=rank) if prompt else Ranks(cross_frame_attention=rank)
    spec = adapter_spec(base, ranks=ranks, **attention)
    placed = spec.cross_frame_attention.model_copy(update={"placement": "sequential"})
    return spec.model_copy(update={"cross_frame_attention": placed})


@pytest.fixture
def base():
    base = tiny_wan_base()
    base.denoiser.double()
    base._condition = base._condition.double()
    return base


def block_by_hand(base, block, part, weight, args):
    """One block as the authors write it: x + gate SA(u); x + w CFA(x); x + CA(norm x); x + gate FF(u)."""
    stream, words, modulation, rotary = args
    shift, scale, gate, ff_shift, ff_scale, ff_gate = (block.scale_shift_table + modulation).chunk(6, dim=1)
    stream = stream + gate * block.attn1(block.norm1(stream) * (1 + scale) + shift, None, None, rotary)
    site = next(site for site in base.sites() if site.module is block.attn1)
    stream = stream + weight * written_out(site, part, base.calls.get(), stream).reshape(stream.shape)
    stream = stream + block.attn2(block.norm2(stream), words, None, None)
    return stream + ff_gate * block.ffn(block.norm3(stream) * (1 + ff_scale) + ff_shift)


@pytest.mark.parametrize("rank", [4, "full"])
def test_a_block_is_the_authors_block(base, rank):
    adapter = lively(base, sequential(base, rank=rank))
    seen = {}

    def note(block, args, output):
        seen[block] = (args, output, base.calls.snapshot())

    handles = [block.register_forward_hook(note) for block in base.denoiser.blocks]
    noisy, timestep = noisy_latents(base)
    with torch.no_grad(), attached(base, Composition(((adapter, 0.7),))):
        base.predict(noisy, timestep)
    for handle in handles:
        handle.remove()
    assert len(seen) == len(base.denoiser.blocks)
    for index, (block, (args, output, call)) in enumerate(seen.items()):
        with torch.no_grad(), base.calls.during(call):
            expected = block_by_hand(base, block, adapter.parts[f"blocks.{index}.attn1"], 0.7, args)
            silent = block_by_hand(base, block, adapter.parts[f"blocks.{index}.attn1"], 0.0, args)
        assert torch.allclose(output, expected, atol=1e-5)  # norms compute in float32
        assert not torch.allclose(output, silent, atol=1e-2)


def test_a_fresh_adapter_changes_nothing_and_detaching_restores(base):
    noisy, timestep = noisy_latents(base)
    before, hooks = (
        base.predict(noisy, timestep),
        [len(block.norm2._forward_pre_hooks) for block in base.denoiser.blocks],
    )
    with attached(base, Composition.of(fresh(base, sequential(base)))):
        assert torch.equal(base.predict(noisy, timestep), before)
    with attached(base, Composition.of(lively(base, sequential(base)))):
        assert not torch.allclose(base.predict(noisy, timestep), before, atol=1e-3)
    assert torch.equal(base.predict(noisy, timestep), before)
    assert [len(block.norm2._forward_pre_hooks) for block in base.denoiser.blocks] == hooks


def test_the_laws_of_composition_hold(base):
    noisy, timestep = noisy_latents(base)
    first = lively(base, sequential(base, combine="joint", prompt=True), seed=1)
    second = lively(base, adapter_spec(base, ranks=all_parts(base)), seed=2)

    def predict(*entries):
        with torch.no_grad(), attached(base, Composition(entries)):
            return base.predict(noisy, timestep)

    alone = predict((first, 1.0))
    assert torch.allclose(predict((first, 0.5), (first, 0.5)), alone, atol=1e-6)
    assert torch.equal(predict((first, 1.0), (second, 0.0)), alone)
    mixed = predict((first, 0.3), (second, 0.7))
    assert torch.allclose(mixed, predict((second, 0.7), (first, 0.3)), atol=1e-6)
    assert not torch.allclose(mixed, alone, atol=1e-3)


def test_gradients_flow_and_survive_checkpointing():
    base = tiny_wan_base()
    adapter = lively(base, sequential(base)).train().requires_grad_(requires_grad=True)
    noisy, timestep = noisy_latents(base)
    found = []
    for enabled in (False, True):
        base.set_checkpointing(enabled=enabled)
        adapter.zero_grad()
        with attached(base, Composition.of(adapter)):
            base.predict(noisy, timestep).square().mean().backward()
        found.append([tensor.grad.clone() for tensor in adapter.parameters()])
    assert all(one.any() and torch.allclose(one, other, atol=1e-6) for one, other in zip(*found, strict=True))


def test_it_runs_in_bfloat16_beside_norms_in_float32():
    base = tiny_wan_base()
    base.denoiser.bfloat16()
    base._condition = base._condition.bfloat16()
    noisy, timestep = noisy_latents(base)
    with torch.no_grad(), attached(base, Composition.of(lively(base, sequential(base)))):
        assert torch.isfinite(base.predict(noisy, timestep)).all()


def test_its_updates_are_told_to_who_looks_for_conflicts(base):
    noisy, timestep = noisy_latents(base)
    pair = Composition.of(lively(base, sequential(base), seed=1), lively(base, sequential(base), seed=2))
    assert {found.path for found in conflicts(base, pair, noisy, timestep)} == {"blocks.0.attn1", "blocks.1.attn1"}


def updates_of(base, *adapters, block: str = "blocks.0.attn1"):
    """What each adapter adds at one site, before its weight; all adapters see the same base."""
    noisy, timestep = noisy_latents(base)
    told = {}

    def note(site, updates):
        told[site.path] = updates

    with torch.no_grad(), attached(base, Composition.of(*adapters), observe=note):
        base.predict(noisy, timestep)
    return told[block]


def test_frame_zero_is_left_out_where_the_adapter_skips_it(base):
    kept, skipping = (lively(base, sequential(base, skip_first=skip)) for skip in (False, True))
    whole, skipped = (updates_of(base, adapter)[0] for adapter in (kept, skipping))
    assert not skipped[:, 0].any()
    assert whole[:, 0].any()
    assert torch.allclose(skipped[:, 1:], whole[:, 1:], atol=1e-6)
    both = updates_of(base, kept, skipping)
    assert torch.allclose(both[0], whole, atol=1e-6)
    assert torch.allclose(both[1], skipped, atol=1e-6)


def test_references_are_weighed_before_the_run_and_give_the_same_numbers():
    base = tiny_wan_base()
    adapter = lively(base, sequential(base, skip_first=True))
    called = []
    for part in adapter.parts.values():
        part.get_submodule("lambda").register_forward_hook(lambda *_: called.append("weighed"))
    noisy, _ = noisy_latents(base, batch=1)
    with torch.no_grad():
        with attached(base, Composition.of(adapter)):
            steps = [base.predict(noisy, timestep) for timestep in (901.0, 301.0)]
        called.clear()
        with attached(base, Composition.of(adapter), timesteps=(901.0, 301.0)):
            before = len(called)
            table = [base.predict(noisy, timestep) for timestep in (901.0, 301.0)]
    assert before == len(called) == 2 * len(adapter.parts)
    assert not torch.equal(*steps)
    assert all(map(torch.equal, steps, table))


def test_rotary_positions_do_not_reach_the_stream(base):
    with pytest.raises(Incompatible, match="placed `sequential` with rotary positions"):
        fresh(base, sequential(base, rotary=True))
