"""Bases on disk: found, loaded, fingerprinted from headers alone, and refused when changed."""

from __future__ import annotations

import json

import pytest
import safetensors.torch
import torch
from diffusers import AutoencoderKL

from engine.bases.base_folder import read_base_spec, verify_base
from engine.bases.catalog import load_base
from engine.bases.fingerprint import folder_fingerprint, module_fingerprint, weights_digest
from registry_schema.errors import IntegrityProblem, NotFound, SchemaError
from tests.engine.tiny_bases import tiny_unet_base
from tests.engine.tiny_wan import tiny_wan_base

CPU = torch.device("cpu")


def write_base(folder, base, *, shard: str = "10GB"):
    """`base` in the layout of the catalog, with a tiny `AutoencoderKL`."""
    name = "unet" if base.spec.family == "unet_motion" else "transformer"
    base.denoiser.save_pretrained(folder / name, max_shard_size=shard)
    spec = base.spec.plain() | {"weights": str(weights_digest(folder / name))}
    (folder / "base.json").write_text(json.dumps(spec))
    blocks = {"down_block_types": ("DownEncoderBlock2D",) * 3, "up_block_types": ("UpDecoderBlock2D",) * 3}
    AutoencoderKL(block_out_channels=(8, 8, 8), norm_num_groups=4, **blocks).save_pretrained(folder / "vae")
    safetensors.torch.save_file({"null": base._condition.contiguous()}, folder / "condition.safetensors")
    return folder


@pytest.fixture
def stored(tmp_path, tiny_base):
    return write_base(tmp_path, tiny_base, shard="200KB")


def test_a_base_comes_back_from_its_folder(stored, tiny_base):
    assert len(list((stored / "unet").glob("*.safetensors"))) > 1
    base = load_base(stored, device=CPU, dtype=torch.float32)
    noisy = torch.randn(1, 4, 3, 8, 8)
    timestep = torch.tensor([400.0])
    assert torch.equal(base.predict(noisy, timestep), tiny_base.predict(noisy, timestep))
    assert not any(tensor.requires_grad for tensor in base.denoiser.parameters())
    assert base.decode(base.encode(torch.zeros(1, 3, 2, 32, 32))).shape == (1, 3, 2, 32, 32)
    verify_base(stored)


def test_a_wan_base_comes_back_from_its_folder(tmp_path):
    base = tiny_wan_base()
    back = load_base(write_base(tmp_path, base), device=CPU, dtype=torch.float32)
    noisy = torch.randn(1, 4, 3, 8, 8)
    timestep = torch.tensor([400.0])
    assert torch.equal(back.predict(noisy, timestep), base.predict(noisy, timestep))


@pytest.mark.parametrize("make_base", [tiny_unet_base, tiny_wan_base])
def test_headers_alone_give_the_fingerprint_of_the_module(tmp_path, make_base):
    base = make_base()
    base.denoiser.save_pretrained(tmp_path, max_shard_size="100KB")
    assert folder_fingerprint(tmp_path) == module_fingerprint(base.denoiser)
    assert folder_fingerprint(tmp_path) == base.spec.architecture


def test_weights_of_another_architecture_are_refused_at_once(stored):
    path = next((stored / "unet").glob("*.safetensors"))
    tensors = safetensors.torch.load_file(path)
    tensors.pop(next(iter(tensors)))
    safetensors.torch.save_file(tensors, path)
    with pytest.raises(IntegrityProblem, match="base `tiny`: digest of its architecture is"):
        load_base(stored, device=CPU, dtype=torch.float32)


def test_a_changed_weight_is_found_by_verifying(stored):
    path = next((stored / "unet").glob("*.safetensors"))
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(IntegrityProblem, match="base `tiny`: digest of its weights is"):
        verify_base(stored)


def test_a_base_that_is_not_there_is_not_found(tmp_path):
    with pytest.raises(NotFound, match="base `nowhere` is not there"):
        load_base("nowhere", device=CPU, dtype=torch.float32)
    with pytest.raises(NotFound):
        read_base_spec(tmp_path)


def test_a_faulty_spec_is_named(stored):
    (stored / "base.json").write_text("{}")
    with pytest.raises(SchemaError, match=r"base.json: schema is missing"):
        read_base_spec(stored)


def test_a_condition_file_has_a_null_row(stored):
    safetensors.torch.save_file({"other": torch.zeros(1, 1, 16)}, stored / "condition.safetensors")
    with pytest.raises(IntegrityProblem, match="has no tensor `null`"):
        load_base(stored, device=CPU, dtype=torch.float32)


def test_an_unknown_autoencoder_is_refused(stored):
    (stored / "vae" / "config.json").write_text('{"_class_name": "Mystery"}')
    with pytest.raises(IntegrityProblem, match="autoencoder `Mystery`"):
        load_base(stored, device=CPU, dtype=torch.float32)
