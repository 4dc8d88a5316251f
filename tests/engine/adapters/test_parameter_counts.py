"""The paper's numbers of trained parameters, from shapes alone."""

from __future__ import annotations

import pytest
import torch
from diffusers import UNetMotionModel, WanTransformer3DModel

from engine.adapters.miva import MivaAdapter
from engine.bases.unet_motion import unet_sites
from engine.bases.wan import wan_sites
from registry_schema.adapter_spec import AdapterSpec
from registry_schema.digests import Digest

ANY = str(Digest.of(b""))
WORDS = {
    "base": {"name": "real", "architecture": ANY, "weights": ANY},
    "masked": False,
    "motion": "rain",
    "cross_frame_attention": {},
    "implicit_prompt": {"words": "rain"},
    "clip": {"frames": 16, "height": 320, "width": 512, "fps": 8},
    "noise_schedule": {"kind": "flow", "shift": 5.0},
}


@pytest.fixture(scope="module")
def animatediff_sites():
    with torch.device("meta"):
        return unet_sites(UNetMotionModel(cross_attention_dim=768, use_motion_mid_block=False))


@pytest.fixture(scope="module")
def wan_sites_1_3b():
    with torch.device("meta"):
        denoiser = WanTransformer3DModel(
            num_attention_heads=12, attention_head_dim=128, ffn_dim=8960, num_layers=30, text_dim=4096
        )
    return wan_sites(denoiser)


def count(spec, sites, tail="") -> int:
    adapter = MivaAdapter.create(AdapterSpec.of(spec, source="test"), sites)
    return sum(tensor.numel() for name, tensor in adapter.named_parameters() if f".{tail}" in name)


def test_an_adapter_of_stable_diffusion_has_the_papers_35_4_million_parameters(animatediff_sites):
    ranks = {"cross_frame_attention": "full", "implicit_prompt": 64, "temporal_lora": 32}
    spec = WORDS | {"ranks": ranks, "temporal_lora": {}}
    assert [sum(site.kind == kind for site in animatediff_sites) for kind in ("self", "cross", "temporal")] == [
        16,
        16,
        40,
    ]
    assert count(spec, animatediff_sites) == 35_444_960
    assert count(spec, animatediff_sites, "cfa.") == 24_834_272
    assert count(spec, animatediff_sites, "ca.") == 1_599_488
    assert count(spec, animatediff_sites, "tsa.") == 9_011_200


def test_an_adapter_of_wan_has_the_papers_35_5_million_parameters(wan_sites_1_3b):
    spec = WORDS | {"ranks": {"cross_frame_attention": 128, "implicit_prompt": 128}}
    assert count(spec, wan_sites_1_3b) == 35_489_340
    assert count(spec, wan_sites_1_3b, "cfa.q.") + count(spec, wan_sites_1_3b, "cfa.o.") == 23_592_960
    assert count(spec, wan_sites_1_3b, "ca.") == 11_804_160
