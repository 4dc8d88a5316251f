"""The bases that others publish: their documents are those of the real architectures, and parts become a base."""

from __future__ import annotations

import json

import diffusers
import pytest
import torch
from safetensors.torch import load

from engine.bases.base_folder import denoiser_folders, parameter_count, verify_base
from engine.bases.catalog import base_sites, load_base
from engine.bases.denoiser import empty_denoiser, empty_model, load_denoiser
from engine.bases.fingerprint import folder_fingerprint, module_fingerprint
from engine.bases.published_bases import published_bases
from engine.bases.sealing import null_condition, seal_base
from registry_schema.errors import Incompatible, NotFound
from registry_schema.names import BaseName
from tests.published_tiny import ADAPTER, SD15, TRANSFORMER, UNET, seeded, write_publications, write_repositories

KNOWN = {publication.base.facts.name: publication for publication in published_bases()}
CPU = torch.device("cpu")
COUNTS = {"animatediff-v3": 1_276_658_564, "wan2.1-t2v-1.3b": 1_418_996_800}
SITES = {
    "animatediff-v3": {"self": 16, "cross": 16, "temporal": 40},
    "wan2.1-t2v-1.3b": {"self": 30, "cross": 30, "temporal": 0},
}


@pytest.mark.parametrize("name", COUNTS)
def test_the_documents_are_those_of_the_real_architectures(name):
    publication = KNOWN[name]
    base = publication.base
    denoiser = empty_denoiser(publication.folder, base.facts.family)
    assert module_fingerprint(denoiser) == base.facts.architecture
    assert sum(parameter.numel() for parameter in denoiser.parameters()) == base.parameters == COUNTS[name]
    for part in base.parts:
        model = getattr(diffusers, publication.config(part.part)["_class_name"])
        assert module_fingerprint(empty_model(model, publication.folder / part.part)) == part.architecture


@pytest.mark.parametrize("name", COUNTS)
def test_the_full_size_bases_have_the_papers_sites_and_their_words_fit(name):
    from engine.bases.catalog import _SITES

    publication = KNOWN[name]
    denoiser = empty_denoiser(publication.folder, publication.base.facts.family)
    kinds = [site.kind for site in _SITES[publication.base.facts.family](denoiser)]
    assert {kind: kinds.count(kind) for kind in SITES[name]} == SITES[name]
    config = denoiser.config
    width = config.cross_attention_dim if name == "animatediff-v3" else config.text_dim
    assert width == publication.base.condition_width


def test_the_facts_are_those_of_the_paper():
    unet, wan = KNOWN["animatediff-v3"].base.facts, KNOWN["wan2.1-t2v-1.3b"].base.facts
    assert (unet.clip.frames, unet.clip.width, unet.clip.height, unet.motion_norm) == (16, 512, 320, "frame")
    assert (wan.clip.frames, wan.clip.width, wan.clip.height, wan.noise_schedule.shift) == (17, 832, 480, 5.0)
    assert [count for count in range(1, 30) if wan.frames.allows(count)] == [5, 9, 13, 17, 21, 25, 29]
    assert unet.noise_schedule.betas == "scaled_linear"


@pytest.fixture(scope="module")
def repositories(tmp_path_factory):
    return write_repositories(tmp_path_factory.mktemp("hub"))


@pytest.fixture
def tiny(tmp_path, repositories):
    """The small stand-in for AnimateDiff, and its parts as a fetch leaves them."""
    search = write_publications(tmp_path / "published", repositories)
    (publication,) = (known for known in published_bases([search]) if known.base.facts.name == "animatediff-v3")
    folder = tmp_path / "base"
    for part, place in (("unet", SD15 + "/unet"), ("motion_adapter", ADAPTER), ("vae", SD15 + "/vae")):
        (folder / part).mkdir(parents=True)
        for name in ("config.json", "diffusion_pytorch_model.safetensors"):
            (folder / part / name).write_bytes((repositories / place / name).read_bytes())
    return publication, folder


def seal(tiny, name="animatediff-v3"):
    publication, folder = tiny
    return seal_base(folder, publication, name=BaseName(name))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_motion_modules_that_lie_apart_are_put_in_as_diffusers_does(tiny, dtype):
    seal(tiny)
    folder = tiny[1]
    unet = diffusers.UNet2DConditionModel.from_pretrained(folder / "unet", torch_dtype=dtype)
    adapter = diffusers.MotionAdapter.from_pretrained(folder / "motion_adapter", torch_dtype=dtype)
    # a layer that is not frozen may take another way through the same sum
    reference = diffusers.UNetMotionModel.from_unet2d(unet, adapter).requires_grad_(requires_grad=False)
    ours = load_denoiser(folder, "unet_motion", device=CPU, dtype=dtype)
    assert ours.config == reference.config
    assert ours.state_dict().keys() == reference.state_dict().keys()
    assert all(torch.equal(tensor, reference.state_dict()[name]) for name, tensor in ours.state_dict().items())
    noisy, words = torch.randn(1, 4, 3, 8, 8, dtype=dtype), torch.randn(3, 2, 16, dtype=dtype)
    timestep = torch.tensor([400])
    with torch.no_grad():
        assert torch.equal(ours(noisy, timestep, words).sample, reference(noisy, timestep, words).sample)


def test_a_sealed_base_is_whole(tiny):
    spec = seal(tiny)
    folder = tiny[1]
    verify_base(folder)
    base = load_base(folder, device=CPU, dtype=torch.float32)
    assert spec.architecture == folder_fingerprint(*denoiser_folders(folder)) == module_fingerprint(base.denoiser)
    assert [site.path for site in base_sites(folder)] == [site.path for site in base.sites()]
    buffers = sum(buffer.numel() for buffer in base.denoiser.buffers())
    assert parameter_count(folder) == sum(parameter.numel() for parameter in base.denoiser.parameters()) + buffers
    assert not any(tensor.requires_grad for tensor in base.denoiser.parameters())


def test_a_base_is_found_by_its_name_where_it_was_installed(tiny):
    seal(tiny)
    home = tiny[1].parent / "bases"
    home.mkdir()
    tiny[1].rename(home / "animatediff-v3")
    assert load_base("animatediff-v3", device=CPU, dtype=torch.float32, search=[home]).spec.name == "animatediff-v3"
    with pytest.raises(NotFound) as caught:
        load_base("animatedif-v3", device=CPU, dtype=torch.float32, search=[home])
    assert caught.value.hint == "did you mean `animatediff-v3`?"


def test_the_same_parts_have_the_same_digest_under_any_name(tiny):
    first, second = seal(tiny), seal(tiny, "dreams")
    assert first.weights == second.weights
    assert second.name == "dreams"
    assert second.base_identity.architecture == first.architecture


def test_a_token_of_zeros_says_the_same_as_many():
    words = load(null_condition(16))["null"]
    assert words.shape == (1, 1, 16)
    assert not words.any()
    unet = seeded(diffusers.UNet2DConditionModel, **UNET).eval()
    noisy, timestep = torch.randn(1, 4, 8, 8), torch.tensor([400])
    wan = seeded(diffusers.WanTransformer3DModel, **TRANSFORMER).eval()
    clip = torch.randn(1, 16, 2, 4, 4)
    with torch.no_grad():
        one, many = (unet(noisy, timestep, torch.zeros(1, tokens, 16)).sample for tokens in (1, 77))
        assert torch.allclose(one, many, atol=1e-5)
        one, many = (wan(clip, timestep, torch.zeros(1, tokens, 8)).sample for tokens in (1, 512))
        assert torch.allclose(one, many, atol=1e-5)
        assert not torch.allclose(one, wan(clip, timestep, torch.randn(1, 3, 8)).sample, atol=1e-3)


def test_what_a_configuration_leaves_out_is_said_in_the_base(tiny):
    publication, folder = tiny
    path = folder / "vae" / "config.json"
    config = json.loads(path.read_text())
    config.pop("scaling_factor")
    path.write_text(json.dumps(config))
    seal(tiny)
    assert json.loads(path.read_text())["scaling_factor"] == publication.config("vae")["scaling_factor"] == 0.18215


@pytest.mark.parametrize(
    ("part", "key", "value", "message"),
    [
        ("vae", "scaling_factor", 0.13025, "scaling_factor is `0.13025`, expected `0.18215`"),
        ("unet", "attention_head_dim", 4, "attention_head_dim is `4`, expected `2`"),
        ("motion_adapter", "_class_name", "UNetMotionModel", "_class_name is `UNetMotionModel`, expected `MotionAd"),
    ],
)
def test_what_changes_meaning_at_equal_shapes_is_refused(tiny, part, key, value, message):
    path = tiny[1] / part / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    with pytest.raises(Incompatible) as caught:
        seal(tiny)
    assert f"this `{part}` is not that of base `animatediff-v3`: {message}" in caught.value.message


def test_an_autoencoder_with_older_names_is_the_same_one(tiny):
    from safetensors.torch import load_file, save_file

    path = tiny[1] / "vae" / "diffusion_pytorch_model.safetensors"
    words = {".to_q.": ".query.", ".to_k.": ".key.", ".to_v.": ".value.", ".to_out.0.": ".proj_attn."}
    before = load_file(path)
    renamed = {}
    for name, tensor in before.items():
        word = next((word for word in words if word in name), "")
        renamed[name.replace(word, words.get(word, ""))] = tensor
    assert renamed.keys() != before.keys()
    pixels = torch.rand(1, 3, 1, 32, 32)
    seal(tiny)
    latents = load_base(tiny[1], device=CPU, dtype=torch.float32).encode(pixels)
    save_file(renamed, path, metadata={"format": "pt"})
    seal(tiny)
    assert torch.equal(load_base(tiny[1], device=CPU, dtype=torch.float32).encode(pixels), latents)
