"""Latents of a dataset: encoded once, found again, the same after a crash."""

from __future__ import annotations

import pytest
import torch

from engine.bases.catalog import load_base
from engine.progress import SilentProgress
from engine.recipe import ClipChoice
from engine.training.clip_dataset import open_clips
from engine.training.draws import WindowChoice
from engine.training.latent_cache import LatentCache
from engine.training.latent_set import LatentSet
from tests.engine.bases.test_catalog import write_base
from tests.engine.tiny_bases import tiny_unet_base
from tests.engine.training.drawn_clips import write_clips


class CountingBase:
    """The tiny base, and how often its autoencoder was asked."""

    def __init__(self) -> None:
        self._base = tiny_unet_base()
        self.spec = self._base.spec
        self.encoded = 0

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        self.encoded += 1
        return self._base.encode(pixels)

    def release_autoencoder(self) -> None:
        self._base.release_autoencoder()


@pytest.fixture
def folder(tmp_path):
    return write_clips(tmp_path / "clips", 2)


def latent_set(base, folder, cache, **choice) -> LatentSet:
    chosen = ClipChoice(**choice)
    dataset = open_clips(folder, base.spec.clip, chosen, seed=0, progress=SilentProgress())
    return LatentSet(dataset, base, LatentCache(cache), flip=chosen.flip)


def test_each_window_is_encoded_once(tmp_path, folder):
    base = CountingBase()
    examples = latent_set(base, folder, tmp_path / "cache", windows=3)
    examples.encode(SilentProgress())
    assert base.encoded == 6
    examples.batch(0, range(20))
    latent_set(base, folder, tmp_path / "cache", windows=3).encode(SilentProgress())
    assert base.encoded == 6


def test_the_autoencoder_is_not_in_memory_while_latents_are_drawn(tmp_path, folder):
    stored = write_base(tmp_path / "base", tiny_unet_base())
    base = load_base(stored, device=torch.device("cpu"), dtype=torch.float32)
    examples = latent_set(base, folder, tmp_path / "cache")
    assert not base.autoencoder.is_loaded
    examples.encode(SilentProgress())
    before = examples.batch(0, range(4))
    assert not base.autoencoder.is_loaded
    for path in (tmp_path / "cache").rglob("*.safetensors"):
        path.unlink()
    assert torch.equal(examples.batch(0, range(4)), before)
    assert not base.autoencoder.is_loaded


def test_a_torn_file_is_made_again_and_the_same(tmp_path, folder):
    examples = latent_set(CountingBase(), folder, tmp_path / "cache")
    before = examples.batch(0, range(8))
    for path in (tmp_path / "cache").rglob("*.safetensors"):
        path.write_bytes(path.read_bytes()[:30])
    assert torch.equal(examples.batch(0, range(8)), before)


def test_a_mirrored_window_is_the_window_mirrored(tmp_path, folder):
    examples = latent_set(CountingBase(), folder, tmp_path / "cache", flip=True)
    plain = examples.latents(WindowChoice(clip=1, window=0, flipped=False))
    mirrored = examples.latents(WindowChoice(clip=1, window=0, flipped=True))
    assert torch.allclose(mirrored, plain.flip(-1), atol=1e-6)


def test_a_batch_has_the_shape_of_the_bases_latents(tmp_path, folder):
    batch = latent_set(CountingBase(), folder, tmp_path / "cache").batch(0, range(3, 5))
    assert batch.shape == (2, 4, 4, 8, 8)
    assert batch.dtype == torch.float32
