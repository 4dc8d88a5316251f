"""Masked adapters on whole bases: what the streams do to each other, and what masks do to the pictures."""

from __future__ import annotations

import pytest
import torch

from engine.adapters.attach import attached
from engine.adapters.composition import Composition
from engine.adapters.miva import MivaAdapter
from engine.adapters.weights import adapter_bytes, load_adapter
from engine.bases.regions import Regions
from registry_schema.errors import UsageProblem
from registry_schema.ranks import Ranks
from tests.engine.masked_adapters import ALL_HARD, ALL_SOFT, drawn_masks, even_masks, masked, masked_spec
from tests.engine.tiny_adapters import all_parts, lively
from tests.engine.tiny_bases import tiny_unet_base
from tests.engine.tiny_wan import tiny_wan_base

BASES = pytest.mark.parametrize("make_base", [tiny_unet_base, tiny_wan_base])


def latents(base, *, rows: int, seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    clip = base.spec.clip
    frames = (clip.frames - 1) // base.spec.latent.temporal + 1
    return torch.randn((rows, base.spec.latent.channels, frames, 8, 8), generator=generator)


def predict(base, composition, noisy, *, streams=1, regions=None):
    with attached(base, composition), torch.no_grad():
        return base.predict(noisy, 401.0, streams=streams, regions=regions)


@BASES
def test_no_stream_changes_another_but_the_pictures_their_masks(make_base):
    base = make_base()
    composition = Composition.of(masked(base, seed=1), lively(base, seed=2), masked(base, seed=3))
    noisy = latents(base, rows=6)  # two clips of three streams
    regions = drawn_masks(base, masks=2, batch=2)
    before = predict(base, composition, noisy, streams=3, regions=regions)
    for changed in range(6):
        other = noisy.clone()
        other[changed] += latents(base, rows=1, seed=9)[0]
        after = predict(base, composition, other, streams=3, regions=regions)
        moved = {row for row in range(6) if not torch.allclose(after[row], before[row], atol=1e-5)}
        clip = changed - changed % 3
        assert moved == ({clip, clip + 1, clip + 2} if changed == clip else {changed})


@BASES
def test_masks_change_the_pictures_only(make_base):
    base = make_base()
    composition, noisy = Composition.of(masked(base, masked_spec(base, guided=False))), latents(base, rows=2)
    one, other = (predict(base, composition, noisy, streams=2, regions=drawn_masks(base, seed=seed)) for seed in (0, 1))
    assert not torch.allclose(one[0], other[0], atol=1e-4)
    assert torch.allclose(one[1], other[1], atol=1e-6)


@BASES
@pytest.mark.parametrize("regions", [None, ALL_HARD, ALL_SOFT], ids=["usual", "hard", "soft"])
def test_the_pictures_are_the_same_with_and_without_mask_streams_beside_them(make_base, regions):
    base = make_base()
    composition = Composition.of(masked(base, masked_spec(base, regions=regions)), lively(base, seed=2))
    noisy, masks = latents(base, rows=2), drawn_masks(base)
    alone = predict(base, composition, noisy[:1], regions=masks)
    beside = predict(base, composition, noisy, streams=2, regions=masks)
    assert torch.allclose(alone[0], beside[0], atol=1e-5)


@BASES
def test_without_guidance_the_pictures_do_not_change_their_masks(make_base):
    base = make_base()
    composition = Composition.of(masked(base, masked_spec(base, guided=False)))
    noisy = latents(base, rows=2)
    other = torch.cat([latents(base, rows=1, seed=5), noisy[1:]])
    one, two = (predict(base, composition, given, streams=2)[1] for given in (noisy, other))
    assert torch.allclose(one, two, atol=1e-6)


@BASES
@pytest.mark.parametrize("regions", [None, ALL_HARD, ALL_SOFT], ids=["usual", "hard", "soft"])
def test_a_mask_of_all_ones_is_no_mask(make_base, regions):
    base = make_base()
    composition = Composition.of(masked(base, masked_spec(base, regions=regions)))
    noisy = latents(base, rows=1)
    plain = predict(base, composition, noisy)
    assert torch.allclose(predict(base, composition, noisy, regions=even_masks(base, 1.0)), plain, atol=1e-4)
    assert not torch.allclose(predict(base, composition, noisy, regions=drawn_masks(base)), plain, atol=1e-2)


@BASES
def test_masks_that_hold_no_subject_leave_a_mixed_composition_as_it_is_without_them(make_base):
    """The masked adapter is then a plain one, whose prompt is that of its background."""
    base = make_base()
    own, plain = masked(base, seed=1), lively(base, seed=2)
    unmasked = MivaAdapter.create(plain.spec, base.sites()).eval()
    tensors = own.state_dict()
    unmasked.load_state_dict(
        {name: tensors[name.replace("miva.", "mmiva.", 1).replace(".ca.", ".ca_bg.") if ".ca." in name else name]
         for name in unmasked.state_dict()}
    )  # fmt: skip
    noisy = latents(base, rows=1)
    mixed = predict(base, Composition.of(own, plain), noisy, regions=even_masks(base, 0.0))
    assert torch.allclose(mixed, predict(base, Composition.of(unmasked, plain), noisy), atol=1e-4)


@BASES
def test_a_mask_stream_does_not_know_the_weight_of_its_adapter(make_base):
    base = make_base()
    adapter, noisy = masked(base, masked_spec(base, guided=False)), latents(base, rows=2)
    strong, weak = (predict(base, Composition(((adapter, weight),)), noisy, streams=2) for weight in (1.0, 0.3))
    assert torch.allclose(strong[1], weak[1], atol=1e-6)
    assert not torch.allclose(strong[0], weak[0], atol=1e-3)


def test_a_mask_stream_starts_as_the_bases_own():
    """Fresh projections: the base's query, an output of zero. The prompt is silent, too."""
    base = tiny_unet_base()
    adapter = MivaAdapter.create(masked_spec(base, rank="full"), base.sites()).eval()
    silent = MivaAdapter.create(masked_spec(base, rank="full", guided=False), base.sites()).eval()
    noisy = latents(base, rows=2)
    one, two = (predict(base, Composition.of(given), noisy, streams=2) for given in (adapter, silent))
    assert torch.equal(one, two)
    for path, part in adapter.mask_parts.items():
        site = next(site for site in base.sites() if site.path == path)
        if site.kind == "self":
            assert torch.equal(part.q.weight, site.module.to_q.weight)
            assert not part.o.weight.any()


@BASES
def test_joint_references_of_a_mask_stream_are_one_softmax_over_three(make_base):
    base = make_base()
    joint, separate = (
        Composition.of(masked(base, masked_spec(base, combine=combine))) for combine in ("joint", "separate")
    )
    noisy, masks = latents(base, rows=2), drawn_masks(base)
    one, two = (predict(base, composition, noisy, streams=2, regions=masks) for composition in (joint, separate))
    assert torch.isfinite(one).all()
    assert not torch.allclose(one[1], two[1], atol=1e-4)


@BASES
def test_of_two_masked_adapters_the_later_lies_on_top(make_base):
    """Where masks overlap, base attention takes the later one's label: that place may as well be its alone."""
    base = make_base()
    forms = {"cross_frame_attention": "off", "temporal": "off", "prompt": "off"}
    spec = masked_spec(base, regions=ALL_HARD.model_copy(update=forms))
    composition = Composition.of(masked(base, spec, seed=1), masked(base, spec, seed=2))
    noisy = latents(base, rows=1)
    coarse = drawn_masks(base, masks=2).confidence[..., ::4, ::4].round()
    lower, upper = coarse.repeat_interleave(4, -1).repeat_interleave(4, -2).unbind(1)
    overlapping = predict(base, composition, noisy, regions=Regions(torch.stack([lower, upper], 1)))
    cut = predict(base, composition, noisy, regions=Regions(torch.stack([lower * (1 - upper), upper], 1)))
    turned = predict(base, composition, noisy, regions=Regions(torch.stack([lower, upper * (1 - lower)], 1)))
    assert torch.allclose(overlapping, cut, atol=1e-6)
    assert not torch.allclose(overlapping, turned, atol=1e-4)


@BASES
def test_two_clips_beside_each_other_are_each_as_by_itself(make_base):
    base = make_base()
    composition = Composition.of(masked(base), lively(base, seed=2))
    noisy, regions = latents(base, rows=4), drawn_masks(base, batch=2)
    together = predict(base, composition, noisy, streams=2, regions=regions)
    for clip in (0, 1):
        own = predict(
            base,
            composition,
            noisy[2 * clip : 2 * clip + 2],
            streams=2,
            regions=Regions(regions.confidence[clip : clip + 1]),
        )
        assert torch.allclose(own, together[2 * clip : 2 * clip + 2], atol=1e-5)


def test_every_tensor_of_a_masked_adapter_has_its_place_in_its_file(tmp_path):
    base = tiny_unet_base()
    adapter = masked(base)
    names = adapter.state_dict()
    assert {name.split(".")[0] for name in names} == {"miva", "mmiva"}
    assert any(name.endswith("transformer_blocks.0.ca_bg.down.weight") for name in names)
    (tmp_path / "a.safetensors").write_bytes(adapter_bytes(adapter, {}))
    again = load_adapter(tmp_path / "a.safetensors", adapter.spec, base.sites())
    assert all(torch.equal(tensor, names[name]) for name, tensor in again.state_dict().items())


def test_streams_and_masks_that_the_adapters_do_not_have_are_refused():
    base = tiny_unet_base()
    composition, noisy = Composition.of(masked(base)), latents(base, rows=3)
    with pytest.raises(UsageProblem, match="`3` streams, expected the pictures alone or with 1 mask streams"):
        predict(base, composition, noisy, streams=3)
    with pytest.raises(UsageProblem, match="`2` masks, expected one for each of 1 masked adapters"):
        predict(base, composition, noisy[:1], regions=drawn_masks(base, masks=2))


def test_an_adapter_of_weight_zero_has_no_mask_stream():
    base = tiny_unet_base()
    composition = Composition(((masked(base, seed=1), 0.0), (masked(base, seed=2), 1.0)))
    assert composition.masked == (1,)
    assert predict(base, composition, latents(base, rows=2), streams=2, regions=drawn_masks(base)).isfinite().all()


def test_an_adapter_that_only_looks_at_other_frames_can_have_a_mask():
    base = tiny_unet_base()
    spec = masked_spec(base, ranks=Ranks(cross_frame_attention=4))
    assert all_parts(base) != spec.ranks
    composition = Composition.of(masked(base, spec), lively(base, seed=2))
    output = predict(base, composition, latents(base, rows=2), streams=2, regions=drawn_masks(base))
    assert output.isfinite().all()
