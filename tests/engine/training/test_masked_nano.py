"""A masked adapter for `nano`, trained from files by the door that `mivactl train --masked` goes through."""

from __future__ import annotations

import json

import pytest
import torch

from engine.adapters.attach import attached
from engine.adapters.composition import Composition
from engine.adapters.weights import load_adapter
from engine.api import train
from engine.bases.base_folder import base_folder
from engine.bases.catalog import load_base
from engine.recipe import apply_overrides, base_defaults, recipe_from_dict
from engine.requests import TrainRequest
from engine.sampling.mask_decoder import WholeDecoder, mask_decoder, moving_discs
from engine.sampling.mask_walk import FirstMasks, MaskGuidance
from engine.sampling.sampler import Sampler, SamplerSettings
from engine.shapes import latent_shape
from registry_schema.adapter_spec import AdapterSpec
from registry_schema.names import AdapterName
from tests.engine.training.drawn_clips import moving_square, write_gif


@pytest.fixture(scope="module")
def nano():
    return load_base("nano", device=torch.device("cpu"), dtype=torch.float32)


def test_a_masked_adapter_is_trained_and_animates(nano, tmp_path):
    clips = tmp_path / "clips"
    clips.mkdir()
    write_gif(clips / "square.gif", moving_square(20, height=80, width=128))
    masks = torch.zeros(20, 80, 128)
    for frame in range(20):
        masks[frame, 10:20, 2 * frame : 2 * frame + 10] = 1
    wishes = [
        "adapter.motion=square",
        "optimiser.steps=2",
        "clips.windows=1",
        "masks.timesteps=2",
        "run.precision=fp32",
    ]
    recipe = recipe_from_dict(apply_overrides(base_defaults(nano.spec, masked=True), wishes))
    request = TrainRequest(
        clips=clips,
        base=base_folder("nano"),
        recipe=recipe,
        name=AdapterName("my/square"),
        output=tmp_path / "draft",
        masks={"square.gif": masks},
    )
    done = train(request)
    assert (done.steps, done.skipped) == (2, 0)
    spec = AdapterSpec.of(json.loads((tmp_path / "draft" / "adapter.json").read_bytes()), source="draft")
    assert spec.masked
    adapter = load_adapter(tmp_path / "draft" / "adapter.safetensors", spec, nano.sites())
    shape = latent_shape(nano.spec.clip, nano.spec.latent)
    first = FirstMasks.of(nano, moving_discs(2, 80, 128)[:1].unbind(0))
    decoder = mask_decoder("auto", nano, shape)
    assert isinstance(decoder, WholeDecoder)  # its latents are motion: no linear map reads them
    settings = SamplerSettings.of(nano.spec.sampling.model_copy(update={"steps": 2}), frames=shape.frames)
    guidance = MaskGuidance(first, decoder)
    photo = nano.encode(torch.rand(1, 3, 1, 80, 128, generator=torch.Generator().manual_seed(0)) * 2 - 1)
    with attached(nano, Composition.of(adapter)):
        clip = Sampler(nano, settings).sample(photo, seed=1, masks=guidance)
    assert torch.equal(clip[:, :, :1], photo)
    assert guidance.clean is not None
    assert torch.equal(guidance.clean[:, :, :1], first.latents[0])
