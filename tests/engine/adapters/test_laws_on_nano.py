"""The laws of adapters on the base that ships with the package, at a small size."""

from __future__ import annotations

import pytest
import torch

from engine.adapters.attach import attached
from engine.adapters.composition import Composition
from engine.adapters.weights import load_adapter, save_adapter
from engine.bases.catalog import load_base
from engine.sampling.sampler import Sampler, SamplerSettings
from registry_schema.ranks import Ranks
from tests.engine.tiny_adapters import adapter_spec, fresh, lively

FRAMES, HEIGHT, WIDTH = 4, 8, 12


@pytest.fixture(scope="module")
def nano():
    return load_base("nano", device=torch.device("cpu"), dtype=torch.float32)


@pytest.fixture(scope="module")
def noisy(nano):
    axes = (2, nano.spec.latent.channels, FRAMES, HEIGHT, WIDTH)
    return torch.randn(axes, generator=torch.Generator().manual_seed(1))


def trained(nano, seed: int):
    """An adapter whose tensors all do something, gently: nano is deep enough to shout."""
    adapter = lively(nano, adapter_spec(nano, ranks=nano.spec.training.ranks), seed=seed)
    for name, tensor in adapter.named_parameters():
        if "lora_B" in name or name.endswith("ca.up.weight"):
            tensor.mul_(0.1)
    return adapter


def predict(nano, noisy, *entries):
    with torch.no_grad(), attached(nano, Composition(entries)):
        return nano.predict(noisy, torch.tensor([400.0, 700.0])[: noisy.shape[0]])


def close(one, other) -> bool:
    return torch.allclose(one, other, atol=1e-3, rtol=1e-3)


def test_the_size_does_not_come_from_a_ratio(nano, noisy):
    for shape in ((6, 8), (8, 4)):  # nano's sizes are multiples of 16 pixels, two latent ones
        small = noisy[..., : shape[0], : shape[1]]
        assert predict(nano, small, (trained(nano, 1), 1.0)).shape == small.shape


def test_a_fresh_adapter_leaves_self_and_temporal_sites_unchanged(nano, noisy):
    ranks = Ranks(cross_frame_attention=8, temporal_lora=4)
    before = nano.predict(noisy, torch.tensor([400.0, 700.0]))
    assert torch.equal(predict(nano, noisy, (fresh(nano, adapter_spec(nano, ranks=ranks)), 1.0)), before)


def test_attaching_leaves_no_trace(nano, noisy):
    timestep = torch.tensor([400.0, 700.0])
    before = nano.predict(noisy, timestep)
    assert not close(predict(nano, noisy, (trained(nano, 1), 1.0)), before)
    assert torch.equal(nano.predict(noisy, timestep), before)


def test_two_halves_are_one_whole(nano, noisy):
    adapter = trained(nano, 1)
    whole = predict(nano, noisy, (adapter, 1.0))
    assert close(predict(nano, noisy, (adapter, 0.5), (adapter, 0.5)), whole)
    assert torch.equal(predict(nano, noisy, (adapter, 1.0), (trained(nano, 2), 0.0)), whole)


def test_permuting_samples_permutes_results(nano, noisy):
    entries = ((trained(nano, 1), 0.5), (trained(nano, 2), 0.5))
    with torch.no_grad(), attached(nano, Composition(entries)):
        timestep = torch.tensor([400.0, 700.0])
        straight = nano.predict(noisy, timestep)
        assert close(nano.predict(noisy.flip(0), timestep.flip(0)), straight.flip(0))


def test_a_file_brings_the_adapter_back(nano, noisy, tmp_path):
    adapter = trained(nano, 1)
    save_adapter(adapter, tmp_path / "adapter.safetensors", {})
    assert (tmp_path / "adapter.safetensors").stat().st_size < 3_000_000
    back = load_adapter(tmp_path / "adapter.safetensors", adapter.spec, nano.sites())
    assert torch.equal(predict(nano, noisy, (back, 1.0)), predict(nano, noisy, (adapter, 1.0)))


def test_frame_zero_of_a_clip_is_the_photo(nano, noisy):
    settings = SamplerSettings(FRAMES, nano.spec.sampling.sampler, 3, nano.spec.sampling.start_noise, True)
    with attached(nano, Composition.of(trained(nano, 1))):
        clip = Sampler(nano, settings).sample(noisy[:1, :, :1], seed=1)
    assert torch.equal(clip[:, :, :1], noisy[:1, :, :1])
    assert torch.isfinite(clip).all()
