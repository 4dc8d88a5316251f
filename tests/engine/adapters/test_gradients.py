"""What trains and what does not, with and without gradient checkpointing."""

from __future__ import annotations

import pytest
import torch

from engine.adapters.attach import attached
from engine.adapters.composition import Composition
from engine.adapters.miva import MivaAdapter
from tests.engine.tiny_adapters import adapter_spec, all_parts, lively, noisy_latents
from tests.engine.tiny_bases import tiny_unet_base
from tests.engine.tiny_wan import tiny_wan_base

BASES = pytest.mark.parametrize("make_base", [tiny_unet_base, tiny_wan_base])


def gradients(base, adapter: MivaAdapter, *passes: int) -> dict[str, torch.Tensor]:
    """Gradients of the summed loss of several forward passes, of clips of so many frames."""
    adapter.zero_grad()
    loss = torch.zeros(())
    with attached(base, Composition.of(adapter)):
        for frames in passes:
            noisy, timestep = noisy_latents(base)
            loss = loss + base.predict(noisy[:, :, :frames], timestep).square().mean()
        loss.backward()
    return {name: tensor.grad.clone() for name, tensor in adapter.named_parameters()}


@BASES
def test_every_tensor_of_an_adapter_gets_a_gradient_and_none_of_the_base(make_base):
    base = make_base()
    adapter = lively(base).train().requires_grad_(requires_grad=True)
    found = gradients(base, adapter, 3)
    silent = [name for name, gradient in found.items() if not gradient.any()]
    assert not silent
    assert all(tensor.grad is None and not tensor.requires_grad for tensor in base.denoiser.parameters())


@BASES
def test_checkpointing_gives_the_same_gradients(make_base):
    base = make_base()
    adapter = lively(base).train().requires_grad_(requires_grad=True)
    plain = gradients(base, adapter, 3, 2)
    base.set_checkpointing(enabled=True)
    saved_memory = gradients(base, adapter, 3, 2)  # two calls, both computed again under their own
    base.set_checkpointing(enabled=False)
    for name, gradient in plain.items():
        assert torch.allclose(gradient, saved_memory[name], atol=1e-6), name
    assert not any("forward" in vars(module) for module in base.denoiser.modules())


def test_float32_adapters_train_on_a_bfloat16_base(tiny_base):
    tiny_base.denoiser.bfloat16()
    tiny_base._condition = tiny_base._condition.bfloat16()
    spec = adapter_spec(tiny_base, ranks=all_parts(tiny_base))
    adapter = MivaAdapter.create(spec, tiny_base.sites())
    found = gradients(tiny_base, adapter, 3)
    assert {tensor.dtype for tensor in adapter.parameters()} == {torch.float32}
    assert any(gradient.any() for gradient in found.values())
