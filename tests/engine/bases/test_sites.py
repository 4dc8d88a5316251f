"""Attention sites of both families: found where they are, told the size they run at."""

from __future__ import annotations

import pytest
import torch
from diffusers import UNetMotionModel

from engine.bases.call import Call, CurrentCall
from engine.bases.unet_motion import unet_sites
from registry_schema.errors import Incompatible, UsageProblem
from tests.engine.tiny_bases import tiny_unet_base
from tests.engine.tiny_wan import tiny_wan_base


def tokens_seen(base, noisy) -> dict[str, tuple[int, ...]]:
    """Shape of the hidden states that each attention layer really gets."""
    seen: dict[str, tuple[int, ...]] = {}
    handles = [
        site.module.register_forward_pre_hook(
            lambda _, args, kwargs, path=site.path: seen.update(
                {path: tuple((args or (kwargs["hidden_states"],))[0].shape)}
            ),
            with_kwargs=True,
        )
        for site in base.sites()
    ]
    base.predict(noisy, torch.full((noisy.shape[0],), 500.0))
    for handle in handles:
        handle.remove()
    return seen


@pytest.mark.parametrize(("height", "width"), [(8, 8), (8, 12), (6, 10), (7, 9)])
def test_a_unet_site_knows_its_grid_at_any_size(tiny_base, height, width):
    noisy = torch.randn(2, 4, 3, height, width)
    seen = tokens_seen(tiny_base, noisy)
    for site in tiny_base.sites():
        grid = Call(batch=2, streams=1, frames=3, height=height, width=width).grid(site.down_scale)
        tokens = grid[0] * grid[1]
        expected = (2 * tokens, 3, site.width) if site.kind == "temporal" else (2 * 3, tokens, site.width)
        assert seen[site.path] == expected, site.path


def test_a_wan_site_knows_its_grid():
    base = tiny_wan_base()
    seen = tokens_seen(base, torch.randn(2, 4, 3, 8, 12))
    assert set(seen.values()) == {(2, 3 * 4 * 6, 24)}
    assert {site.down_scale for site in base.sites()} == {2}


def test_a_unet_has_its_three_kinds_of_site(tiny_base):
    kinds = [site.kind for site in tiny_base.sites()]
    assert {kind: kinds.count(kind) for kind in ("self", "cross", "temporal")} == {
        "self": 4,
        "cross": 4,
        "temporal": 12,
    }


def test_a_motion_module_in_the_middle_is_found():
    with torch.device("meta"):
        model = UNetMotionModel(block_out_channels=(32, 32, 32, 32), cross_attention_dim=8, use_motion_mid_block=True)
    paths = [site.path for site in unet_sites(model) if site.kind == "temporal"]
    assert "mid_block.motion_modules.0.transformer_blocks.0.attn2" in paths
    assert next(site for site in unet_sites(model) if site.path.startswith("mid_block")).down_scale == 8


def test_an_attention_layer_with_norms_of_its_own_is_refused(tiny_base):
    layer = tiny_base.sites()[0].module
    layer.group_norm = torch.nn.GroupNorm(1, 16)
    with pytest.raises(Incompatible, match="expected plain attention"):
        unet_sites(tiny_base.denoiser)


def test_there_is_no_call_outside_of_predict():
    calls = CurrentCall()
    with pytest.raises(UsageProblem, match=r"expected `Base.predict`"):
        calls.get()
    call = Call(batch=1, streams=1, frames=1, height=1, width=1)
    with calls.during(call):
        assert calls.get() is call
    assert calls.snapshot() is None


@pytest.mark.parametrize("make_base", [tiny_unet_base, tiny_wan_base])
def test_the_time_embedding_reaches_the_sites_once_per_sample(make_base):
    base = make_base()
    embeddings = []
    site = base.sites()[0]
    handle = site.module.register_forward_pre_hook(lambda *_: embeddings.append(base.calls.get().time_embedding))
    noisy = torch.randn(3, 4, 2, 8, 8)
    base.predict(noisy, torch.tensor([100.0, 500.0, 100.0]))
    handle.remove()
    (embedding,) = embeddings
    assert embedding.shape == (3, site.time_width)
    assert torch.allclose(embedding[0], embedding[2])
    assert not torch.allclose(embedding[0], embedding[1])


def test_fewer_latent_frames_than_frames_come_back_as_many():
    base = tiny_wan_base()
    pixels = torch.rand(1, 3, 9, 32, 32) * 2 - 1
    latents = base.encode(pixels)
    assert latents.shape == (1, 4, 3, 8, 8)
    assert base.decode(latents).shape == pixels.shape
    assert torch.allclose(base.encode(pixels[:, :, :1]), latents[:, :, :1])


def test_frames_are_coded_one_by_one(tiny_base):
    pixels = torch.rand(2, 3, 11, 32, 32)
    latents = tiny_base.encode(pixels)
    assert latents.shape == (2, 4, 11, 8, 8)
    assert torch.equal(tiny_base.encode(pixels[1:, :, 7:8]), latents[1:, :, 7:8])
    assert tiny_base.decode(latents).shape == pixels.shape
