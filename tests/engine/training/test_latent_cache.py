"""Latents on disk: found by their origin, made again when they can not be read."""

from __future__ import annotations

import os
import time

import torch

from engine.training.latent_cache import LatentCache

ORIGIN = {"clip": "sha256:1", "frames": [0, 1], "flipped": False}


def test_latents_are_found_by_their_origin_only(tmp_path):
    cache = LatentCache(tmp_path)
    latents = torch.randn(4, 2, 3, 3)
    cache.write(ORIGIN, latents)
    assert torch.equal(LatentCache(tmp_path).read(dict(reversed(ORIGIN.items()))), latents)
    assert cache.read({**ORIGIN, "flipped": True}) is None


def test_a_torn_file_counts_as_absent(tmp_path):
    cache = LatentCache(tmp_path)
    cache.write(ORIGIN, torch.randn(4, 2, 3, 3))
    path = cache.path_of(ORIGIN)
    whole = path.read_bytes()
    for size in (0, 7, 50, len(whole) - 1):
        path.write_bytes(whole[:size])
        assert cache.read(ORIGIN) is None


def test_no_drafts_stay_behind(tmp_path):
    cache = LatentCache(tmp_path)
    cache.write(ORIGIN, torch.zeros(1, 1, 1, 1))
    assert [path.suffix for path in tmp_path.rglob("*") if path.is_file()] == [".safetensors"]


def test_numbers_that_changed_on_the_disk_count_as_absent(tmp_path):
    cache = LatentCache(tmp_path)
    cache.write(ORIGIN, torch.randn(4, 2, 3, 3))
    path = cache.path_of(ORIGIN)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert cache.read(ORIGIN) is None


def test_what_a_dead_process_left_is_swept_and_what_a_living_one_writes_is_not(tmp_path):
    cache = LatentCache(tmp_path)
    cache.write(ORIGIN, torch.zeros(1, 1, 1, 1))
    folder = cache.path_of(ORIGIN).parent
    old, fresh = folder / ".a.safetensors.1.part", folder / ".b.safetensors.2.part"
    for draft in (old, fresh):
        draft.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)
    cache.sweep()
    assert {path.name for path in folder.iterdir()} == {cache.path_of(ORIGIN).name, fresh.name}
