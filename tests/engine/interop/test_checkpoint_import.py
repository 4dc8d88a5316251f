"""The authors' checkpoints become adapters, completely or not at all."""

from __future__ import annotations

import copy
import json
import math
import shutil

import pytest
import safetensors.torch
import torch
from diffusers import UNetMotionModel, WanTransformer3DModel

from engine.adapters.attach import attached
from engine.adapters.composition import Composition
from engine.adapters.miva import MivaAdapter
from engine.api import import_adapter
from engine.bases.catalog import load_base
from engine.bases.published_bases import published_bases
from engine.bases.regions import Regions
from engine.bases.sealing import seal_base
from engine.bases.unet_motion import unet_sites
from engine.bases.wan import wan_sites
from engine.interop import animatediff_keys, wan_keys
from engine.interop.checkpoint_import import import_checkpoint
from engine.interop.key_meaning import Bound, Factor, meaning
from engine.requests import ImportChoices, ImportRequest
from registry_schema.adapter_spec import AdapterSpec
from registry_schema.compatibility import Accepted, check_fit
from registry_schema.errors import Busy, Incompatible, IntegrityProblem
from registry_schema.names import AdapterName, BaseName
from tests.engine.adapters.site_stories import call_of, first_site, hidden_of, run_site
from tests.engine.adapters.test_parameter_counts import WORDS
from tests.engine.bases.test_catalog import write_base
from tests.engine.interop.authors_files import animatediff_adapter, filled, full_unet, wan_adapter
from tests.engine.tiny_adapters import noisy_latents
from tests.engine.tiny_bases import tiny_unet_base
from tests.engine.tiny_wan import tiny_wan_base
from tests.published_tiny import ADAPTER, SD15, write_publications, write_repositories

RAIN = ImportChoices(motion="rain")


@pytest.fixture
def unet(tmp_path):
    base = tiny_unet_base()
    return base, write_base(tmp_path / "base", base)


@pytest.fixture
def wan(tmp_path):
    base = tiny_wan_base()
    return base, write_base(tmp_path / "base", base)


def saved(tensors, folder, name: str = "adapter.safetensors"):
    path = folder / name
    safetensors.torch.save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, path)
    return path


def predictions(base, adapter):
    noisy, timestep = noisy_latents(base)
    with torch.no_grad(), attached(base, Composition.of(adapter)):
        return base.predict(noisy, timestep)


# --- names, at full size --------------------------------------------------------------------------------------------


def bound_shapes(shapes, rules) -> dict[str, tuple[int, ...]]:
    bound = {}
    for key, shape in shapes.items():
        meant = meaning(key, rules)
        if isinstance(meant, Factor):
            bound[f"{meant.update.projection}.lora_{meant.side}.weight"] = shape
        else:
            assert isinstance(meant, Bound), key
            bound[meant.name] = shape
    return bound


def expected_shapes(spec, sites) -> dict[str, tuple[int, ...]]:
    adapter = MivaAdapter.empty(AdapterSpec.of(spec, source="test"), sites)
    return {name: tuple(tensor.shape) for name, tensor in adapter.state_dict().items()}


MASKS = {"masked": True, "mask_stream": {"background_prompt": False}}


def test_all_464_tensors_of_animatediff_have_their_place_and_those_48_of_masks():
    with torch.device("meta"):
        unet = UNetMotionModel(cross_attention_dim=768, use_motion_mid_block=False)
    shapes = animatediff_adapter(unet, t_rank=32, prompt_rank=64)
    assert len(shapes) == 464
    ranks = {"cross_frame_attention": "full", "implicit_prompt": 64, "temporal_lora": 32}
    spec = WORDS | {"ranks": ranks, "temporal_lora": {}}
    assert bound_shapes(shapes, animatediff_keys.RULES) == expected_shapes(spec, unet_sites(unet))
    masked = animatediff_adapter(unet, masked=True, t_rank=32, prompt_rank=64)
    assert len(masked) == 512
    spec |= MASKS | {"ranks": ranks | {"mask_stream": "full"}}
    assert bound_shapes(masked, animatediff_keys.RULES) == expected_shapes(spec, unet_sites(unet))
    assert sum(math.prod(shape) for shape in masked.values()) == 60_238_240


def test_all_300_tensors_of_wan_have_their_place_and_those_of_masks():
    with torch.device("meta"):
        model = WanTransformer3DModel(
            num_attention_heads=12, attention_head_dim=128, ffn_dim=8960, num_layers=30, text_dim=4096
        )
    shapes = wan_adapter(model, rank=128, prompt_rank=128)
    assert len(shapes) == len(wan_adapter(model, full=True)) == 300
    spec = WORDS | {"ranks": {"cross_frame_attention": 128, "implicit_prompt": 128}}
    assert bound_shapes(shapes, wan_keys.RULES) == expected_shapes(spec, wan_sites(model))
    for background, tensors, numbers in ((False, 420, 59_082_300), (True, 540, 70_886_460)):
        masked = wan_adapter(model, rank=128, prompt_rank=128, masked=True, background=background)
        assert len(masked) == tensors
        own = {"mask_stream": {"background_prompt": background}, "ranks": spec["ranks"] | {"mask_stream": 128}}
        assert bound_shapes(masked, wan_keys.RULES) == expected_shapes(spec | MASKS | own, wan_sites(model))
        assert sum(math.prod(shape) for shape in masked.values()) == numbers


# --- AnimateDiff ----------------------------------------------------------------------------------------------------


def test_an_adapter_file_becomes_an_adapter_that_moves(unet, tmp_path):
    base, folder = unet
    tensors = filled(animatediff_adapter(base.denoiser))
    imported = import_checkpoint(saved(tensors, tmp_path), folder, RAIN)
    spec = imported.adapter.spec
    assert (spec.cross_frame_attention.combine, spec.cross_frame_attention.placement) == ("joint", "parallel")
    assert spec.cross_frame_attention.weighting.temperature == 0.2
    assert spec.temporal_lora.alpha == 1
    assert spec.ranks.plain() == {"cross_frame_attention": "full", "implicit_prompt": 4, "temporal_lora": 4}
    state = imported.adapter.state_dict()
    assert len(state) == len(tensors)
    block = "mid_block.attentions.0.transformer_blocks.0"
    assert torch.equal(state[f"miva.{block}.cfa.q.weight"], tensors[f"{block}.i2v_adapter.to_q.weight"])
    assert torch.equal(state[f"miva.{block}.ca.up.weight"], tensors[f"{block}.sCA.CA3.weight"])
    noisy, timestep = noisy_latents(base)
    assert not torch.allclose(predictions(base, imported.adapter), base.predict(noisy, timestep), atol=1e-3)


def test_alpha_over_rank_is_applied_once(unet, tmp_path):
    """A temporal layer with the updates merged into its weights by hand, at 1 / rank."""
    base, folder = unet
    tensors = filled(animatediff_adapter(base.denoiser))
    adapter = import_checkpoint(saved(tensors, tmp_path), folder, RAIN).adapter
    site = first_site(base, "temporal")
    theirs = site.path.replace(".transformer_blocks", ".temporal_transformer.transformer_blocks").replace(
        "attn1", "attention_blocks.0"
    )
    merged = copy.deepcopy(site.module)
    with torch.no_grad():
        for part, layer in (("q", merged.to_q), ("k", merged.to_k), ("v", merged.to_v), ("out", merged.to_out[0])):
            update = f"{theirs}.processor.to_{part}_lora"
            layer.weight += tensors[f"{update}.up.weight"] @ tensors[f"{update}.down.weight"] / 4
        call = call_of(base, batch=1, frames=3)
        hidden = hidden_of(base, site, call)
        expected = merged(hidden)
    assert torch.allclose(run_site(base, site, call, Composition.of(adapter), hidden), expected, atol=1e-5)


def test_every_container_gives_the_same_adapter(unet, tmp_path):
    base, folder = unet
    tensors = filled(animatediff_adapter(base.denoiser))
    adapter = import_checkpoint(saved(tensors, tmp_path), folder, RAIN).adapter
    forms = {
        "full": full_unet(base.denoiser, tensors),
        "ddp": {f"module.{name}": tensor for name, tensor in tensors.items()},
        "older": {name.replace("sCA.", ""): tensor for name, tensor in tensors.items()},
    }
    for name, form in forms.items():
        imported = import_checkpoint(saved(form, tmp_path, f"{name}.safetensors"), folder, RAIN)
        same = imported.adapter.state_dict()
        assert all(torch.equal(tensor, same[key]) for key, tensor in adapter.state_dict().items()), name
        if name == "full":
            assert any("frozen tensors were compared with the base and are equal" in note for note in imported.notes)
            assert any("`attn_temp`" in note for note in imported.notes)


def test_a_full_file_in_half_precision_is_still_of_its_base(unet, tmp_path):
    base, folder = unet
    tensors = full_unet(base.denoiser, filled(animatediff_adapter(base.denoiser)))
    halves = {name: tensor.half() for name, tensor in tensors.items()}
    assert import_checkpoint(saved(halves, tmp_path), folder, RAIN).adapter.spec.base.name == "tiny"


def test_a_base_whose_motion_modules_lie_apart_is_met_as_it_was_trained(tmp_path):
    """The layout of `animatediff-v3`, in small: copies are compared with both files, and its motion norm is taken."""
    repositories = write_repositories(tmp_path / "hub")
    search = write_publications(tmp_path / "published", repositories)
    (publication,) = (known for known in published_bases([search]) if known.base.facts.name == "animatediff-v3")
    folder = tmp_path / "base"
    for part, place in (("unet", f"{SD15}/unet"), ("motion_adapter", ADAPTER), ("vae", f"{SD15}/vae")):
        kept = shutil.ignore_patterns("*.bin", "*.non_ema.*")
        shutil.copytree(repositories / place, folder / part, ignore=kept)
    spec = seal_base(folder, publication, name=BaseName("animatediff-v3"))
    base = load_base(folder, device=torch.device("cpu"), dtype=torch.float32)
    tensors = filled(animatediff_adapter(base.denoiser))
    imported = import_checkpoint(saved(full_unet(base.denoiser, tensors), tmp_path), folder, RAIN)
    assert any("frozen tensors were compared with the base and are equal" in note for note in imported.notes)
    assert not any("frame by frame" in note for note in imported.notes)
    assert imported.adapter.spec.motion_norm == "frame"
    assert check_fit(imported.adapter.spec, spec) == Accepted("exact")
    assert torch.isfinite(predictions(base, imported.adapter)).all()


def test_a_base_that_normalises_otherwise_than_the_authors_is_told(unet, tmp_path):
    base, folder = unet
    imported = import_checkpoint(saved(filled(animatediff_adapter(base.denoiser)), tmp_path), folder, RAIN)
    assert imported.adapter.spec.motion_norm is None
    assert any("frame by frame, those of base `tiny` all frames together" in note for note in imported.notes)


@pytest.mark.parametrize(
    "key", ["conv_in.weight", "mid_block.attentions.0.transformer_blocks.0.i2v_adapter.to_k.weight"]
)
def test_a_full_file_of_another_base_is_refused(unet, tmp_path, key):
    base, folder = unet
    tensors = full_unet(base.denoiser, filled(animatediff_adapter(base.denoiser)))
    tensors[key] = tensors[key] + 1e-3
    with pytest.raises(Incompatible, match="is a frozen copy of the base, and differs"):
        import_checkpoint(saved(tensors, tmp_path), folder, RAIN)


def test_low_rank_updates_of_the_projections_are_worked_in(unet, tmp_path):
    base, folder = unet
    tensors = filled(animatediff_adapter(base.denoiser))
    block, width = "mid_block.attentions.0.transformer_blocks.0", 32
    for number, part in enumerate(("q", "out")):
        update = f"{block}.i2v_adapter.processor.to_{part}_lora"
        tensors |= filled({f"{update}.down.weight": (2, width), f"{update}.up.weight": (width, 2)}, seed=number)
    adapter = import_checkpoint(saved(tensors, tmp_path), folder, RAIN).adapter
    host = f"{block}.i2v_adapter"
    products = {
        part: tensors[f"{host}.processor.to_{part}_lora.up.weight"]
        @ tensors[f"{host}.processor.to_{part}_lora.down.weight"]
        / 2
        for part in ("q", "out")
    }
    state = adapter.state_dict()
    query, output = tensors[f"{host}.to_q.weight"], tensors[f"{host}.to_out.0.weight"]
    assert torch.allclose(state[f"miva.{block}.cfa.q.weight"], query + products["q"], atol=1e-6)
    after = torch.eye(width) + products["out"]
    assert torch.allclose(state[f"miva.{block}.cfa.o.weight"], after @ output, atol=1e-6)
    assert torch.allclose(state[f"miva.{block}.cfa.o.bias"], after @ tensors[f"{host}.to_out.0.bias"], atol=1e-6)


def test_what_is_not_trained_is_filled_in_or_told(unet, tmp_path):
    base, folder = unet
    tensors = filled(animatediff_adapter(base.denoiser))
    for name in list(tensors):
        if "i2v_adapter.to_q" in name or "weight_module" in name:
            del tensors[name]
        elif "CA3" in name:
            tensors[name] = torch.zeros_like(tensors[name])
    imported = import_checkpoint(saved(tensors, tmp_path), folder, RAIN)
    site = first_site(base, "self")
    block = site.path.removesuffix(".attn1")
    assert torch.equal(imported.adapter.state_dict()[f"miva.{block}.cfa.q.weight"], site.module.to_q.weight)
    assert imported.adapter.spec.cross_frame_attention.weighting.first == 0.5
    assert any("the base's were filled in" in note for note in imported.notes)
    assert any("implicit prompt is zero: this part looks untrained" in note for note in imported.notes)


STRAYS = {
    "mid_block.attentions.0.transformer_blocks.0.attn2.processor.to_k_lora.down.weight": "needs prompts",
    "mid_block.attentions.0.transformer_blocks.0.attn2.processor.to_k_ip.weight": "IP-Adapter",
    "mid_block.attentions.0.transformer_blocks.0.attn_tCA.to_q.weight": "does not have",
    "mid_block.attentions.0.transformer_blocks.0.sCA.CA2.bias": "no biases",
    "mid_block.attentions.0.transformer_blocks.0.i2v_adapters.0.to_q.weight": "several adapters in one model",
    "mid_block.attentions.0.transformer_blocks.0.attn_temp.to_out.0.weight": "is not zero",
    "down_blocks.0.motion_modules.0.temporal_transformer.transformer_blocks.0.motion_embed.weight": "learnt position",
    "down_blocks.0.attentions.7.norm.weight": "nothing by that name",
    "something.weight": "nothing by that name",
}


@pytest.mark.parametrize("stray", STRAYS, ids=lambda key: key[-28:])
def test_a_tensor_without_a_place_is_refused_by_name(unet, tmp_path, stray):
    base, folder = unet
    tensors = filled(animatediff_adapter(base.denoiser)) | {stray: torch.ones(2, 2)}
    with pytest.raises(Incompatible, match=STRAYS[stray]) as error:
        import_checkpoint(saved(tensors, tmp_path), folder, RAIN)
    assert stray in error.value.message


def test_half_an_adapter_is_none(unet, tmp_path):
    base, folder = unet
    tensors = filled(animatediff_adapter(base.denoiser))
    one_missing = dict(list(tensors.items())[1:])
    with pytest.raises(Incompatible, match=r"1 of \d+ tensors are missing: `miva\.down_blocks\.0.*cfa\.q\.weight`"):
        import_checkpoint(saved(one_missing, tmp_path), folder, RAIN)
    mixed = {("module." if index else "") + name: tensor for index, (name, tensor) in enumerate(tensors.items())}
    with pytest.raises(Incompatible, match="expected all or none"):
        import_checkpoint(saved(mixed, tmp_path), folder, RAIN)
    wider = {
        name: torch.zeros(7, tensor.shape[1]) if "to_q.weight" in name else tensor for name, tensor in tensors.items()
    }
    with pytest.raises(Incompatible, match="has shape `7 x 16`, expected `16 x 16`"):
        import_checkpoint(saved(wider, tmp_path), folder, RAIN)
    key = next(iter(tensors))
    with pytest.raises(IntegrityProblem, match="not finite numbers"):
        import_checkpoint(saved({**tensors, key: tensors[key] / 0}, tmp_path), folder, RAIN)


def wrong_files(base):
    tensors = filled(animatediff_adapter(base.denoiser))
    temporal = {name: tensor for name, tensor in tensors.items() if "motion_modules" in name}
    unet = base.denoiser.state_dict()
    return {
        "a MIVA checkpoint without its implicit prompt": {k: v for k, v in tensors.items() if "CA" not in k},
        "a MIVA checkpoint without its implicit prompt, as": {k: v for k, v in tensors.items() if "i2v" in k},
        "a motion LoRA of AnimateDiff": temporal,
        "a motion LoRA of diffusers": {
            "unet.down_blocks.0.motion_modules.0.attn1.to_q.lora_A.weight": torch.ones(2, 2)
        },
        "a motion module of AnimateDiff": {
            "down_blocks.0.motion_modules.0.temporal_transformer.transformer_blocks.0.attention_blocks.0.to_q.weight": (
                torch.ones(2, 2)
            )
        },
        "a whole U-Net without an adapter": unet,
        "a whole Wan model": {"patch_embedding.weight": torch.ones(2, 2)},
        "a text encoder": {"text_model.encoder.layers.0.weight": torch.ones(2)},
        "a style LoRA": {"unet.mid_block.attentions.0.to_q.lora_A.weight": torch.ones(2, 2)},
        "mivactl's own adapter file": {"miva.mid_block.cfa.q.weight": torch.ones(2, 2)},
        "something else": {"weight": torch.ones(2)},
    }


def test_a_wrong_file_is_called_by_its_own_name(unet, tmp_path):
    base, folder = unet
    for looks, tensors in wrong_files(base).items():
        with pytest.raises(Incompatible) as error:
            import_checkpoint(saved(tensors, tmp_path), folder, RAIN)
        assert f"looks like {looks}" in error.value.message


def test_a_checkpoint_of_the_other_family_is_refused(unet, tmp_path):
    _, folder = unet
    tensors = filled(wan_adapter(tiny_wan_base().denoiser))
    with pytest.raises(
        Incompatible, match="looks like a MIVA checkpoint for Wan, the base is of the family AnimateDiff"
    ):
        import_checkpoint(saved(tensors, tmp_path), folder, RAIN)


# --- Wan ----------------------------------------------------------------------------------------------------


def test_a_wan_checkpoint_of_low_rank_updates(wan, tmp_path):
    base, folder = wan
    tensors = filled(wan_adapter(base.denoiser))
    imported = import_checkpoint(saved(tensors, tmp_path), folder, RAIN)
    spec = imported.adapter.spec
    assert (spec.cross_frame_attention.placement, spec.cross_frame_attention.combine) == ("sequential", "joint")
    assert spec.implicit_prompt.query_bias == "none"
    state = imported.adapter.state_dict()
    assert torch.equal(
        state["miva.blocks.1.cfa.o.lora_B.weight"], tensors["blocks.1.i2v_adapter.o.lora_B.default.weight"]
    )
    quarter = import_checkpoint(saved(tensors, tmp_path), folder, ImportChoices(motion="rain", lora_alpha=1.0)).adapter
    assert torch.equal(quarter.state_dict()["miva.blocks.1.cfa.o.lora_B.weight"],
                       state["miva.blocks.1.cfa.o.lora_B.weight"] / 4)  # fmt: skip
    noisy, timestep = noisy_latents(base)
    assert not torch.allclose(predictions(base, imported.adapter), base.predict(noisy, timestep), atol=1e-3)


def test_a_wan_checkpoint_trained_in_full_has_a_query_bias_of_its_own(wan, tmp_path):
    base, folder = wan
    tensors = filled(wan_adapter(base.denoiser, full=True))
    adapter = import_checkpoint(saved(tensors, tmp_path), folder, RAIN).adapter
    assert adapter.spec.ranks.cross_frame_attention == "full"
    site = first_site(base, "self")
    hidden = torch.randn(2, 3, site.width)
    query = adapter.parts[site.path].raw_query(hidden, hidden, site.module.to_q.bias)
    weight, bias = (tensors[f"blocks.0.i2v_adapter.q.{name}"] for name in ("weight", "bias"))
    assert torch.allclose(query, hidden @ weight.T + bias, atol=1e-6)


def test_full_projections_and_updates_at_once_are_added_up(wan, tmp_path):
    base, folder = wan
    whole = filled(wan_adapter(base.denoiser, full=True))
    updates = filled(wan_adapter(base.denoiser), seed=1)
    tensors = {
        name.replace(".q.", ".q.base_layer.").replace(".o.", ".o.base_layer."): tensor for name, tensor in whole.items()
    } | {name: tensor for name, tensor in updates.items() if "lora" in name}
    state = import_checkpoint(saved(tensors, tmp_path), folder, RAIN).adapter.state_dict()
    first, second = (updates[f"blocks.0.i2v_adapter.o.lora_{side}.default.weight"] for side in "AB")
    expected = whole["blocks.0.i2v_adapter.o.weight"] + second @ first
    assert torch.allclose(state["miva.blocks.0.cfa.o.weight"], expected, atol=1e-6)


def test_updates_elsewhere_in_wan_must_be_zero(wan, tmp_path):
    base, folder = wan
    tensors = filled(wan_adapter(base.denoiser))
    idle = {
        "blocks.0.self_attn.q.lora_A.default.weight": torch.ones(4, 24),
        "blocks.0.self_attn.q.lora_B.default.weight": torch.zeros(24, 4),
    }
    import_checkpoint(saved(tensors | idle, tmp_path), folder, RAIN)
    idle["blocks.0.self_attn.q.lora_B.default.weight"][0, 0] = 1
    with pytest.raises(Incompatible, match=r"self_attn.q.lora_B.default.weight` is not zero"):
        import_checkpoint(saved(tensors | idle, tmp_path), folder, RAIN)
    for stray, why in (("blocks.0.cross_attn.CA4.weight", "has no place"),):
        with pytest.raises(Incompatible, match=why):
            import_checkpoint(saved(tensors | {stray: torch.ones(2, 2)}, tmp_path), folder, RAIN)


def test_frozen_copies_in_wan_are_compared(wan, tmp_path):
    base, folder = wan
    tensors = filled(wan_adapter(base.denoiser))
    tensors["blocks.0.i2v_adapter.k.weight"] = base.denoiser.blocks[0].attn1.to_k.weight.detach().clone()
    tensors["blocks.1.cross_attn.norm_q.weight"] = base.denoiser.blocks[1].attn2.norm_q.weight.detach().clone()
    notes = import_checkpoint(saved(tensors, tmp_path), folder, RAIN).notes
    assert any(note.startswith("2 frozen tensors were compared") for note in notes)


def test_the_prompt_of_the_authors_wan_leaves_the_query_bias_out(wan, tmp_path):
    base, folder = wan
    tensors = filled(wan_adapter(base.denoiser))
    adapter = import_checkpoint(saved(tensors, tmp_path), folder, RAIN).adapter
    site = first_site(base, "cross")
    call = call_of(base, batch=1, frames=3)
    hidden = hidden_of(base, site, call)
    with torch.no_grad():
        query = site.module.norm_q(hidden @ site.module.to_q.weight.T)
        expected = adapter.parts[site.path].from_query(query)
    found = run_site(base, site, call, Composition.of(adapter), hidden)
    assert torch.allclose(found, expected, atol=1e-5)


# --- masks ---------------------------------------------------------------------------------------------------


def masked_prediction(base, adapter):
    """Of one clip and its mask, with a mask of the left half."""
    noisy, _ = noisy_latents(base)
    left = torch.zeros(1, 1, *noisy.shape[2:])
    left[..., : noisy.shape[-1] // 2] = 1
    with torch.no_grad(), attached(base, Composition.of(adapter)):
        return base.predict(noisy, 401.0, streams=2, regions=Regions(left))


def test_a_masked_checkpoint_of_animatediff_runs(unet, tmp_path):
    base, folder = unet
    tensors = filled(animatediff_adapter(base.denoiser, masked=True))
    imported = import_checkpoint(saved(tensors, tmp_path), folder, RAIN)
    spec = imported.adapter.spec
    assert (spec.masked, spec.ranks.mask_stream) == (True, "full")
    assert (spec.mask_stream.image_guidance, spec.mask_stream.background_prompt) == (True, False)
    assert spec.mask_stream.forms.temporal == "off"  # built there, never used
    block = "mid_block.attentions.0.transformer_blocks.0"
    state = imported.adapter.state_dict()
    own = f"{block}.i2v_adapter.processor"
    assert torch.equal(state[f"mmiva.{block}.cfa.q.weight"], tensors[f"{own}.to_q_mask.weight"])
    assert torch.equal(state[f"mmiva.{block}.cfa.o.bias"], tensors[f"{own}.to_out_mask.0.bias"])
    assert masked_prediction(base, imported.adapter).isfinite().all()


def test_a_masked_checkpoint_of_wan_runs(wan, tmp_path):
    base, folder = wan
    tensors = filled(wan_adapter(base.denoiser, masked=True, background=True))
    imported = import_checkpoint(saved(tensors, tmp_path), folder, RAIN)
    spec = imported.adapter.spec
    assert (spec.masked, spec.ranks.mask_stream) == (True, 4)
    assert (spec.mask_stream.image_guidance, spec.mask_stream.background_prompt) == (False, True)
    key = "blocks.1.i2v_adapter.o_m.lora_B.default.weight"
    assert torch.equal(imported.adapter.state_dict()["mmiva.blocks.1.cfa.o.lora_B.weight"], tensors[key])
    assert masked_prediction(base, imported.adapter).isfinite().all()


def test_the_authors_background_prompt_sees_queries_without_the_bases_gain(tmp_path):
    base = tiny_wan_base()
    with torch.no_grad():
        for block in base.denoiser.blocks:
            block.attn2.norm_q.weight.uniform_(0.5, 2, generator=torch.Generator().manual_seed(1))
    folder = write_base(tmp_path / "base", base)
    tensors = filled(wan_adapter(base.denoiser, masked=True, background=True))
    adapter = import_checkpoint(saved(tensors, tmp_path), folder, RAIN).adapter
    site = first_site(base, "cross")
    hidden = torch.randn(2, 3, site.width)
    with torch.no_grad():
        query = hidden @ site.module.to_q.weight.T
        plain = query * (query.square().mean(-1, keepdim=True) + site.module.norm_q.eps).rsqrt()
        low = plain @ tensors["blocks.0.cross_attn_b.CA2.weight"].T
        found = adapter.mask_parts[site.path].down(site.module.norm_q(query))
    assert torch.allclose(found, low, atol=1e-5)
    unit = {"blocks.0.cross_attn_b.norm_q.weight": torch.ones(24)}
    import_checkpoint(saved(tensors | unit, tmp_path), folder, RAIN)
    unit["blocks.0.cross_attn_b.norm_q.weight"][3] = 2
    with pytest.raises(Incompatible, match=r"cross_attn_b.norm_q.weight` is not one"):
        import_checkpoint(saved(tensors | unit, tmp_path), folder, RAIN)


@pytest.mark.parametrize("stray", ["i2v_adapter.processor.to_q_mask.weight", "sCA_b.CA2.weight"])
def test_a_piece_of_a_mask_stream_is_none(unet, tmp_path, stray):
    base, folder = unet
    key = f"mid_block.attentions.0.transformer_blocks.0.{stray}"
    tensors = filled(animatediff_adapter(base.denoiser)) | {key: torch.ones(2, 2)}
    with pytest.raises(Incompatible, match="has 1 tensors of a mask stream, and none of its output"):
        import_checkpoint(saved(tensors, tmp_path), folder, RAIN)


# --- the draft ----------------------------------------------------------------------------------------------


def test_a_draft_says_what_was_seen_and_is_not_overwritten(unet, tmp_path):
    base, folder = unet
    file = saved(filled(animatediff_adapter(base.denoiser)), tmp_path)
    draft = tmp_path / "draft"
    request = ImportRequest(file=file, base=folder, name=AdapterName("my/rain"), output=draft, choices=RAIN)
    done = import_adapter(request)
    report = json.loads((draft / "import-report.json").read_text())
    assert report["notes"] == list(done.notes)
    assert report["tensors"] == done.tensors
    assert {path.name for path in draft.iterdir()} == {
        "adapter.safetensors", "adapter.json", "release.toml", "import-report.json"}  # fmt: skip
    with pytest.raises(Busy, match="holds an adapter already"):
        import_adapter(request)
