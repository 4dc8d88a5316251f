"""Motion modules that normalise each frame alone: equal to the original's order of axes, off is stock diffusers."""

from __future__ import annotations

import pytest
import torch
from diffusers import UNetMotionModel
from diffusers.models.unets.unet_motion_model import AnimateDiffTransformer3D

from engine.bases.autoencoder import FrameByFrame
from engine.bases.frame_norm import FrameGroupNorm, motion_norm_of, normalise_all_frames, normalise_each_frame
from engine.bases.unet_motion import UNetMotionBase
from registry_schema.base_spec import BaseSpec
from registry_schema.compatibility import Accepted, Rejected, check_fit
from registry_schema.errors import SchemaError
from tests.engine.tiny_bases import PoolingAutoencoder, tiny_unet_base
from tests.engine.tiny_wan import tiny_wan_base
from tests.registry_schema.samples import adapter_spec, base_spec

NOISY, TIMESTEP = torch.randn(1, 4, 4, 8, 8, generator=torch.Generator().manual_seed(1)), torch.tensor([400.0])


def base_with(motion_norm: str | None) -> UNetMotionBase:
    plain = tiny_unet_base()
    words = {} if motion_norm is None else {"motion_norm": motion_norm}
    spec = BaseSpec.from_plain({**plain.spec.plain(), **words}, source="tiny")
    autoencoder = FrameByFrame(PoolingAutoencoder())
    return UNetMotionBase(spec, plain.denoiser, autoencoder=autoencoder, condition=torch.zeros(1, 1, 16))


def test_a_module_equals_the_originals_order_of_axes():
    module = AnimateDiffTransformer3D(
        num_attention_heads=2,
        attention_head_dim=8,
        in_channels=16,
        norm_num_groups=4,
        positional_embeddings="sinusoidal",
        num_positional_embeddings=16,
    ).eval()
    torch.nn.init.normal_(module.norm.weight)
    torch.nn.init.normal_(module.norm.bias)
    hidden, frames = torch.randn(2 * 3, 16, 5, 4) * torch.arange(1, 7).view(6, 1, 1, 1), 3
    # AnimateDiff: (b f) c h w is normalised as it is, then frames go side by side
    tokens = module.norm(hidden).unflatten(0, (2, frames)).permute(0, 3, 4, 1, 2).reshape(-1, frames, 16)
    tokens = module.proj_in(tokens)
    for block in module.transformer_blocks:
        tokens = block(tokens)
    back = module.proj_out(tokens).view(2, 5, 4, frames, 16).permute(0, 3, 4, 1, 2).flatten(0, 1)
    expected = back + hidden
    stock = module(hidden, num_frames=frames)
    holder = torch.nn.ModuleList([module])
    normalise_each_frame(holder)
    ours = module(hidden, num_frames=frames)
    assert torch.allclose(ours, expected, atol=1e-5)
    assert not torch.allclose(stock, expected, atol=1e-2)


def test_one_frame_is_normalised_as_diffusers_does():
    norm = torch.nn.GroupNorm(4, 16)
    clip = torch.randn(2, 16, 1, 5, 4)
    assert torch.allclose(FrameGroupNorm.in_place_of(norm)(clip), norm(clip), atol=1e-6)


def test_off_is_stock_diffusers_bit_for_bit():
    base = base_with(None)
    stock = tiny_unet_base().denoiser
    assert isinstance(stock, UNetMotionModel)
    words = torch.zeros(4, 1, 16)
    with torch.no_grad():
        assert torch.equal(base.predict(NOISY, TIMESTEP), stock(NOISY, TIMESTEP, words).sample)


def test_on_changes_the_answer_and_not_the_weights():
    off, on = base_with(None), base_with("frame")
    before, after = off.denoiser.state_dict(), on.denoiser.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    with torch.no_grad():
        assert not torch.allclose(off.predict(NOISY, TIMESTEP), on.predict(NOISY, TIMESTEP), atol=1e-4)


def test_switching_back_is_stock_diffusers_bit_for_bit():
    stock, base = base_with(None), base_with("frame")
    assert (motion_norm_of(stock.denoiser), motion_norm_of(base.denoiser)) == (None, "frame")
    weights = dict(base.denoiser.named_parameters())
    normalise_all_frames(base.denoiser)
    assert motion_norm_of(base.denoiser) is None
    assert all(tensor is weights[name] for name, tensor in base.denoiser.named_parameters())
    with torch.no_grad():
        assert torch.equal(base.predict(NOISY, TIMESTEP), stock.predict(NOISY, TIMESTEP))


def test_the_switch_is_about_motion_modules_only():
    assert motion_norm_of(tiny_wan_base().denoiser) is None
    wan = tiny_wan_base().spec.plain()
    with pytest.raises(SchemaError, match="family `wan` has none"):
        BaseSpec.from_plain({**wan, "motion_norm": "frame"}, source="base.json")


def test_an_adapter_remembers_the_switch_and_the_betas():
    base = BaseSpec.from_plain({**base_spec().plain(), "motion_norm": "frame"}, source="base.json")
    adapter = adapter_spec(base)
    told = check_fit(adapter, base)
    assert isinstance(told, Rejected)
    assert "trained with motion_norm `clip`, base `nano` runs `frame`" in told.reason
    assert check_fit(adapter.model_copy(update={"motion_norm": "frame"}), base) == Accepted("exact")
    linear = base.noise_schedule.model_copy(update={"betas": "linear"})
    other = adapter.model_copy(update={"motion_norm": "frame", "noise_schedule": linear})
    told = check_fit(other, base)
    assert isinstance(told, Rejected)
    assert "noise_schedule.betas `linear`, base `nano` runs `scaled_linear`" in told.reason
