"""Masks of a run: when they are predicted, what is read from them, and what they do to the pictures."""

from __future__ import annotations

import pytest
import torch
from diffusers import AutoencoderTiny

from engine.adapters.attach import attached
from engine.adapters.composition import Composition
from engine.sampling.mask_decoder import (
    CONTRAST,
    Probe,
    TinyDecoder,
    WholeDecoder,
    as_clip,
    mask_decoder,
    moving_discs,
    stretched,
    to_cells,
)
from engine.sampling.mask_steps import mask_steps
from engine.sampling.mask_walk import FirstMasks, MaskGuidance, predicted_regions
from engine.sampling.sampler import Sampler, SamplerSettings
from engine.sampling.schedule import schedule_of
from engine.shapes import latent_shape
from registry_schema.errors import NotFound
from tests.engine.masked_adapters import masked, masked_spec
from tests.engine.tiny_adapters import lively
from tests.engine.tiny_bases import tiny_unet_base
from tests.engine.tiny_wan import tiny_wan_base

BETAS = {"kind": "diffusion", "betas": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
PREDICTIONS = [BETAS | {"prediction": prediction} for prediction in ("epsilon", "v_prediction", "sample")]
BASES = pytest.mark.parametrize("make_base", [tiny_unet_base, tiny_wan_base])


def test_masks_are_predicted_in_exactly_8_steps_of_50():
    assert mask_steps(50) == (0, 5, 10, 15, 20, 25, 30, 35)
    assert mask_steps(50, 50) == tuple(range(50))


@pytest.mark.parametrize("steps", [1, 3, 8, 10, 12, 20, 25, 37, 50, 1000])
@pytest.mark.parametrize("evaluations", [1, 5, 8, 40, 1000])
def test_no_step_predicts_masks_twice_and_the_first_one_always_does(steps, evaluations):
    due = mask_steps(steps, evaluations)
    assert len(set(due)) == len(due) == min(steps, evaluations)
    assert due[0] == 0
    assert max(due) < steps
    if steps >= 10 and evaluations == 8:
        assert due == tuple(round(k * steps / 10) for k in range(8))


def first_masks(base, masks: int = 1) -> FirstMasks:
    height, width = base.spec.clip.height, base.spec.clip.width
    discs = moving_discs(max(masks, 2), height, width)
    return FirstMasks.of(base, discs[:masks].unbind(0))


@pytest.mark.parametrize("schedule", [None, *PREDICTIONS], ids=["flow", "epsilon", "v", "sample"])
def test_a_perfect_predictor_gives_the_mask_in_one_step(schedule):
    base = tiny_wan_base() if schedule is None else tiny_unet_base(schedule=schedule)
    frames = base.spec.clip.frames
    discs = moving_discs(frames, 32, 32)
    clean = base.encode(as_clip(discs[None]))
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    schedule, timestep = schedule_of(base.spec.noise_schedule), torch.tensor([601.0])
    noisy = schedule.add_noise(clean, noise, timestep)
    seen = schedule.to_clean(schedule.target(clean, noise, timestep), noisy, timestep)
    first = to_cells(discs[None], clean.shape[2:])[:, None, 0]
    shape = latent_shape(base.spec.clip, base.spec.latent)
    for decoder in (WholeDecoder(base), Probe.fit(base, shape)):
        found = predicted_regions(seen, first, decoder).confidence[0]
        expected = stretched(to_cells(discs[None], clean.shape[2:]))
        assert torch.allclose(found[:, 1:], expected[:, 1:], atol=1e-3)
        assert torch.equal(found[0, 0], first[0, 0])


@BASES
def test_a_run_predicts_masks_in_its_steps_and_uses_them_from_the_next_on(make_base, monkeypatch):
    base = make_base()
    composition = Composition.of(masked(base, seed=1), lively(base, seed=2), masked(base, seed=3))
    shape = latent_shape(base.spec.clip, base.spec.latent)
    guidance = MaskGuidance(first_masks(base, 2), WholeDecoder(base))
    settings = SamplerSettings.of(base.spec.sampling.model_copy(update={"steps": 20}), frames=shape.frames)
    seen = []
    plain = base.predict

    def predict(noisy, timestep, *, streams=1, regions=None):
        seen.append((streams, regions, noisy))
        return plain(noisy, timestep, streams=streams, regions=regions)

    monkeypatch.setattr(base, "predict", predict)
    first = base.encode(torch.zeros(1, 3, 1, 32, 32))
    with attached(base, composition):
        latents = Sampler(base, settings).sample(first, seed=1, masks=guidance)
    assert torch.equal(latents[:, :, :1], first)
    assert [index for index, (streams, _, _) in enumerate(seen) if streams == 3] == list(mask_steps(20))
    assert seen[0][1] is None
    fields = [regions for _, regions, _ in seen[1:]]
    assert all(regions is not None for regions in fields)
    assert len({id(regions) for regions in fields}) == 8  # each lasts until the next
    for streams, _, noisy in seen:
        if streams == 3:  # frame 0 of each stream is given, clean
            assert torch.equal(noisy[1:, :, :1], guidance.first.latents[0])
    assert torch.equal(fields[0].confidence[:, :, 0], guidance.first.confidence)


def test_masks_move_the_pictures_and_a_seed_decides_both():
    base = tiny_unet_base()
    composition = Composition.of(masked(base))
    settings = SamplerSettings.of(base.spec.sampling, frames=4)
    first = base.encode(torch.rand(1, 3, 1, 32, 32, generator=torch.Generator().manual_seed(1)))

    def clip(guidance):
        with attached(base, composition):
            return Sampler(base, settings).sample(first, seed=3, masks=guidance)

    guidances = [MaskGuidance(first_masks(base), WholeDecoder(base)) for _ in range(2)]
    one, again = (clip(guidance) for guidance in guidances)
    assert torch.equal(one, again)
    assert torch.equal(guidances[0].clean, guidances[1].clean)
    assert not torch.allclose(one, clip(None), atol=1e-3)


def test_a_flat_frame_is_not_stretched_and_a_faint_one_is():
    flat = 0.4 + torch.linspace(0, CONTRAST * 0.9, 16).view(1, 1, 4, 4)
    assert torch.equal(stretched(flat), flat)
    faint = 0.4 + torch.linspace(0, CONTRAST * 1.1, 16).view(1, 1, 4, 4)
    assert stretched(faint).amin() == 0
    assert stretched(faint).amax() == pytest.approx(1)


def test_latent_frames_of_a_compressed_clip_are_means_of_their_group():
    masks = torch.stack([torch.full((4, 4), float(frame)) for frame in range(9)])[None]
    assert to_cells(masks, (3, 2, 2))[0, :, 0, 0].tolist() == [0, 2.5, 6.5]


def test_a_tiny_autoencoder_is_read_from_the_folder_of_the_base(tmp_path):
    base = tiny_unet_base()
    shape = latent_shape(base.spec.clip, base.spec.latent)
    with pytest.raises(NotFound, match="has no tiny autoencoder") as caught:
        mask_decoder("tiny", base, shape, tmp_path)
    assert "--mask-decoder probe" in caught.value.hint
    torch.manual_seed(0)
    blocks = {"encoder_block_out_channels": (8,) * 4, "decoder_block_out_channels": (8,) * 4}
    AutoencoderTiny(latent_channels=4, **blocks).save_pretrained(tmp_path / "tiny_autoencoder")
    decoder = mask_decoder("tiny", base, shape, tmp_path)
    assert isinstance(decoder, TinyDecoder)
    found = decoder.confidence(torch.randn(2, 4, 3, 8, 8))
    assert found.shape == (2, 3, 8, 8)
    assert found.min() >= 0
    assert found.max() <= 1


def test_masks_that_hold_nothing_are_none_by_the_probe():
    base = tiny_unet_base()
    probe = mask_decoder("auto", base, latent_shape(base.spec.clip, base.spec.latent))
    assert isinstance(probe, Probe)
    assert probe.confidence(base.encode(torch.full((1, 3, 4, 32, 32), -1.0))).abs().max() < 1e-3
    assert masked_spec(base).masked
