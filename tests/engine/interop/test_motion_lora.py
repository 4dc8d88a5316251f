"""The temporal part of an adapter goes to diffusers as a motion LoRA and comes back."""

from __future__ import annotations

import json

import pytest
import safetensors.torch
import torch
from peft import LoraConfig

from engine.adapters.attach import attached
from engine.adapters.composition import Composition
from engine.adapters.weights import save_adapter
from engine.api import export_motion_lora
from engine.bases.base_folder import read_base_spec
from engine.interop.motion_lora import import_motion_lora
from engine.requests import ExportRequest
from registry_schema.compatibility import Accepted, check_fit
from registry_schema.errors import Incompatible
from registry_schema.ranks import Ranks
from tests.engine.bases.test_catalog import write_base
from tests.engine.interop.authors_files import animatediff_adapter, filled
from tests.engine.interop.tiny_pipelines import animatediff_pipeline, run
from tests.engine.tiny_adapters import adapter_spec, all_parts, lively, noisy_latents
from tests.engine.tiny_wan import tiny_wan_base


@pytest.fixture
def world(tmp_path):
    pipe, base = animatediff_pipeline(tmp_path)
    return pipe, base, write_base(tmp_path / "base", base)


def exported(base, folder, place, *, ranks=None, alpha: float = 1.0):
    adapter = lively(base, adapter_spec(base, ranks=ranks or Ranks(temporal_lora=4), alpha=alpha))
    weights = place / "adapter.safetensors"
    save_adapter(adapter, weights, {})
    file = place / "motion.safetensors"
    done = export_motion_lora(ExportRequest(weights=weights, spec=adapter.spec, base=folder, output=file))
    return adapter, file, done


@pytest.mark.parametrize("alpha", [1.0, 4.0])
def test_diffusers_loads_it_and_moves_as_the_adapter_does(world, tmp_path, alpha):
    pipe, base, folder = world
    adapter, file, _ = exported(base, folder, tmp_path, alpha=alpha)
    noisy, timestep = noisy_latents(base)
    with torch.no_grad():
        still = base.predict(noisy, timestep)
        with attached(base, Composition.of(adapter)):
            expected = base.predict(noisy, timestep)
        before = run(pipe)
        pipe.load_lora_weights(str(tmp_path), weight_name=file.name, adapter_name="motion")
        assert torch.allclose(base.predict(noisy, timestep), expected, atol=1e-5)
        assert not torch.allclose(expected, still, atol=1e-4)
        assert not torch.equal(run(pipe), before)
        pipe.unload_lora_weights()
        assert torch.equal(run(pipe), before)


def test_a_file_without_its_metadata_moves_the_same(world, tmp_path):
    pipe, base, folder = world
    adapter, file, _ = exported(base, folder, tmp_path)
    pipe.load_lora_weights(safetensors.torch.load_file(file), adapter_name="motion")
    noisy, timestep = noisy_latents(base)
    with torch.no_grad():
        loaded = base.predict(noisy, timestep)
        pipe.unload_lora_weights()
        with attached(base, Composition.of(adapter)):
            assert torch.allclose(loaded, base.predict(noisy, timestep), atol=1e-5)


def test_its_configuration_is_one_of_peft(world, tmp_path):
    _, base, folder = world
    _, file, done = exported(base, folder, tmp_path)
    with safetensors.safe_open(file, "pt") as opened:
        stored = json.loads(opened.metadata()["lora_adapter_metadata"])
    config = LoraConfig(**{name.removeprefix("unet."): value for name, value in stored.items()})
    assert (config.r, config.lora_alpha) == (4, 4)
    assert len(config.target_modules) == 4 * sum(site.kind == "temporal" for site in base.sites())
    assert (done.rank, done.tensors, done.left_behind) == (4, 2 * len(config.target_modules), 0)


def test_it_comes_back_with_the_same_tensors(world, tmp_path):
    _, base, folder = world
    adapter, file, _ = exported(base, folder, tmp_path, ranks=all_parts(base))
    back = import_motion_lora(file, folder, motion="rain").adapter
    original = {name: tensor for name, tensor in adapter.state_dict().items() if ".tsa." in name}
    state = back.state_dict()
    assert set(state) == set(original)
    for name, tensor in original.items():
        assert torch.equal(state[name], tensor / 4 if "lora_B" in name else tensor), name  # alpha 1, rank 4: exact
    weights = tmp_path / "back.safetensors"
    save_adapter(back, weights, {})
    again = tmp_path / "again.safetensors"
    export_motion_lora(ExportRequest(weights=weights, spec=back.spec, base=folder, output=again))
    assert again.read_bytes() == file.read_bytes()


def test_a_motion_lora_in_animatediffs_own_names_acts_in_full(world, tmp_path):
    _, base, folder = world
    tensors = {k: v for k, v in filled(animatediff_adapter(base.denoiser)).items() if "motion_modules" in k}
    file = tmp_path / "v2_lora.safetensors"
    safetensors.torch.save_file(tensors, file)
    imported = import_motion_lora(file, folder, motion="zoom")
    assert imported.adapter.spec.temporal_lora.alpha == 4  # the rank: scale 1
    assert imported.adapter.spec.parts == ("temporal_lora",)


def test_an_alpha_in_the_file_is_taken(world, tmp_path):
    _, base, folder = world
    _, file, _ = exported(base, folder, tmp_path)
    tensors = safetensors.torch.load_file(file)
    alphas = {name.replace(".lora_A.weight", ".alpha"): torch.tensor(2.0) for name in tensors if "lora_A" in name}
    safetensors.torch.save_file(tensors | alphas, tmp_path / "alphas.safetensors")
    imported = import_motion_lora(tmp_path / "alphas.safetensors", folder, motion="zoom")
    assert imported.adapter.spec.temporal_lora.alpha == 2


def test_how_motion_modules_normalise_is_said_on_the_way_out_and_taken_from_the_base_on_the_way_in(world, tmp_path):
    _, base, folder = world
    _, file, done = exported(base, folder, tmp_path)
    assert done.notes == ()
    assert import_motion_lora(file, folder, motion="rain").adapter.spec.motion_norm is None
    document = json.loads((folder / "base.json").read_text()) | {"motion_norm": "frame"}
    (folder / "base.json").write_text(json.dumps(document))
    back = import_motion_lora(file, folder, motion="rain").adapter
    assert check_fit(back.spec, read_base_spec(folder)) == Accepted("exact")
    weights = tmp_path / "back.safetensors"
    save_adapter(back, weights, {})
    request = ExportRequest(weights=weights, spec=back.spec, base=folder, output=tmp_path / "again.safetensors")
    assert "motion_norm `frame`, which a motion LoRA can not say" in export_motion_lora(request).notes[0]


def test_what_is_no_motion_lora_for_this_base_is_refused(world, tmp_path):
    _, base, folder = world
    _, file, _ = exported(base, folder, tmp_path)
    tensors = safetensors.torch.load_file(file)
    cut = tmp_path / "cut.safetensors"
    safetensors.torch.save_file(dict(list(tensors.items())[2:]), cut)
    with pytest.raises(Incompatible, match="tensors are missing"):
        import_motion_lora(cut, folder, motion="zoom")
    mid = {"unet.mid_block.motion_modules.0.transformer_blocks.0.attn1.to_q.lora_A.weight": torch.ones(4, 32)}
    safetensors.torch.save_file(tensors | mid, cut)
    with pytest.raises(Incompatible, match="1 tensors have no place on this base"):
        import_motion_lora(cut, folder, motion="zoom")
    wan = write_base(tmp_path / "wan", tiny_wan_base())
    with pytest.raises(Incompatible, match="which base `tiny-wan` does not have"):
        import_motion_lora(file, wan, motion="zoom")
    spec = adapter_spec(base, ranks=Ranks(cross_frame_attention=4))
    request = ExportRequest(weights=file, spec=spec, base=folder, output=tmp_path / "no.safetensors")
    with pytest.raises(Incompatible, match="has no temporal part"):
        export_motion_lora(request)
    assert read_base_spec(folder).name == "tiny"
