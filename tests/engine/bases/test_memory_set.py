"""Which set fits which card, what each one keeps in memory, and that none of them changes what is made."""

from __future__ import annotations

import pytest
import torch
from diffusers import AutoencoderKL, AutoencoderKLWan

from engine.adapters.attach import attached
from engine.adapters.composition import Composition
from engine.bases.catalog import base_sites, load_base
from engine.bases.memory_saving import memory_needs
from engine.bases.memory_set import EIGHT_BIT, GIB, OFFLOAD, SETS, TILES, TURNS, WHOLE, Card, MemoryNeeds, choose_set
from registry_schema.errors import UsageProblem
from tests.engine.bases.test_catalog import write_base
from tests.engine.tiny_adapters import lively, noisy_latents
from tests.engine.tiny_bases import tiny_unet_base
from tests.engine.tiny_wan import tiny_wan_base

CPU = torch.device("cpu")
MIB = 1 << 20
# numbers of parameters as published, in bfloat16; the autoencoders in float32
ANIMATEDIFF = MemoryNeeds(2480 * MIB, 1150 * MIB, 320 * MIB, 2048, 320 * 512, 512**2, 1)
WAN = MemoryNeeds(2710 * MIB, 1050 * MIB, 485 * MIB, 2048, 480 * 832, 256**2, 8)
LARGE_WAN = MemoryNeeds(27_000 * MIB, 3000 * MIB, 485 * MIB, 2048, 480 * 832, 256**2, 8)
NANO = MemoryNeeds(60 * MIB, 40 * MIB, 0, 2048, 80 * 128, 512**2, 1)


@pytest.mark.parametrize(
    ("needs", "chosen"),
    [
        (NANO, {"4": WHOLE, "6": WHOLE, "8": WHOLE, "12": WHOLE}),
        (ANIMATEDIFF, {"3": OFFLOAD, "4": EIGHT_BIT, "6": TURNS, "8": WHOLE, "12": WHOLE}),
        (WAN, {"3": OFFLOAD, "4": EIGHT_BIT, "6": TILES, "8": TILES, "12": WHOLE}),
        (LARGE_WAN, {"4": OFFLOAD, "8": OFFLOAD, "16": OFFLOAD, "24": EIGHT_BIT, "48": WHOLE}),
    ],
    ids=["nano", "animatediff", "wan 1.3B", "wan 14B"],
)
def test_the_best_set_that_fits_is_taken(needs, chosen):
    assert {gib: choose_set(gib, Card(0, needs)) for gib in chosen} == chosen


def test_auto_goes_by_what_is_free_and_a_name_is_a_command():
    assert choose_set("auto", Card(80 * GIB, WAN)) == WHOLE
    assert choose_set("auto", Card(4 * GIB, WAN)) == EIGHT_BIT
    assert choose_set("offload", Card(80 * GIB, WAN)) == OFFLOAD
    assert choose_set("4", None) == choose_set("auto", None) == WHOLE


@pytest.mark.parametrize("wish", ["much", "0", "-4", "4.5", "1025", ""])
def test_other_wishes_are_refused(wish):
    with pytest.raises(UsageProblem, match=rf"`--vram` is `{wish}`, expected GiB, `auto`, `whole`"):
        choose_set(wish, None)


@pytest.mark.parametrize("needs", [NANO, ANIMATEDIFF, WAN, LARGE_WAN])
def test_each_set_needs_no_more_than_the_one_before_it(needs):
    peaks = [one.peak_bytes(needs) for one in SETS]
    assert peaks == sorted(peaks, reverse=True)


def test_needs_are_counted_from_files_and_shapes(tmp_path):
    base = tiny_unet_base()
    write_base(tmp_path, base)
    numbers = sum(tensor.numel() for tensor in base.denoiser.state_dict().values())
    stored = AutoencoderKL.from_pretrained(tmp_path / "vae")
    needs = memory_needs(
        tmp_path,
        base_sites(tmp_path),
        base.spec.clip,
        base.spec.latent,
        dtype=torch.bfloat16,
        adapters=2,
    )
    assert needs.denoiser == 2 * numbers
    assert needs.autoencoder == 4 * sum(tensor.numel() for tensor in stored.state_dict().values())
    assert needs.denoising == 4 * 8 * 8 * 16 * 2 * (40 + 2 * 6)  # frames, height, width, channels, bytes


@pytest.mark.parametrize("make_base", [tiny_unet_base, tiny_wan_base])
@pytest.mark.parametrize("memory", [TURNS, TILES, OFFLOAD], ids=lambda memory: memory.name)
def test_adapters_move_the_base_alike_bit_for_bit(make_base, memory):
    assert torch.equal(prediction(make_base, memory), prediction(make_base, WHOLE))


@pytest.mark.parametrize("make_base", [tiny_unet_base, tiny_wan_base])
def test_eight_bits_stay_near(make_base):
    whole, near = prediction(make_base, WHOLE), prediction(make_base, EIGHT_BIT)
    assert not torch.equal(near, whole)
    # three bits of mantissa: each weight is off by up to a sixteenth
    assert (near - whole).norm() < 0.15 * whole.norm()


def test_eight_bits_halve_what_the_denoiser_takes():
    base = tiny_unet_base(dtype=torch.bfloat16)
    before = weight_bytes(base.denoiser)
    base.save_memory(EIGHT_BIT, CPU)
    assert base.dtype == torch.bfloat16
    assert weight_bytes(base.denoiser) < 0.55 * before


@pytest.mark.parametrize("memory", [WHOLE, TURNS, TILES, EIGHT_BIT, OFFLOAD], ids=lambda memory: memory.name)
def test_the_autoencoder_is_in_memory_only_where_the_set_says_so(tmp_path, memory):
    base = load_base(write_base(tmp_path, tiny_unet_base()), device=CPU, dtype=torch.float32)
    base.save_memory(memory, CPU)
    assert not base.autoencoder.is_loaded
    latents = base.encode(torch.zeros(1, 3, 2, 32, 32))
    assert base.autoencoder.is_loaded == (memory is WHOLE)
    assert base.decode(latents).shape == (1, 3, 2, 32, 32)
    base.release_autoencoder()
    assert not base.autoencoder.is_loaded


@pytest.mark.parametrize("kind", ["pictures", "clips"])
def test_slices_and_tiles_give_the_same_frames(tmp_path, kind):
    base = load_base(write_base(tmp_path, tiny_unet_base()), device=CPU, dtype=torch.float32)
    if kind == "clips":
        write_clip_autoencoder(tmp_path / "vae")
        base = load_base(tmp_path, device=CPU, dtype=torch.float32)
    pixels = torch.rand(1, 3, 9, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    coded = {}
    for memory in (WHOLE, TURNS, TILES):
        base.save_memory(memory, CPU)
        coded[memory.name] = base.decode(base.encode(pixels))
    # a frame smaller than a tile is not cut
    assert torch.allclose(coded["turns"], coded["whole"], atol=1e-5)
    assert torch.equal(coded["tiles"], coded["turns"])


def test_a_frame_larger_than_a_tile_is_cut_and_its_seams_are_blended():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        blocks = {"down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2}
        model = AutoencoderKL(block_out_channels=(8, 8), norm_num_groups=4, sample_size=32, **blocks).eval()
        latents = torch.randn(1, 4, 32, 32)
    with torch.no_grad():
        whole = model.decode(latents).sample
        model.enable_tiling()
        tiled = model.decode(latents).sample
    assert tiled.shape == whole.shape
    assert not torch.equal(tiled, whole)


def prediction(make_base, memory):
    base = make_base()
    adapter = lively(base)
    noisy, timestep = noisy_latents(base)
    base.save_memory(memory, CPU)
    with torch.no_grad(), attached(base, Composition.of(adapter)):
        return base.predict(noisy, timestep)


def weight_bytes(module):
    return sum(tensor.numel() * tensor.itemsize for tensor in module.parameters())


def write_clip_autoencoder(folder):
    for path in folder.iterdir():
        path.unlink()
    AutoencoderKLWan(base_dim=4, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1).save_pretrained(folder)
