"""Processes that draw for a device, and what it keeps of that."""

from __future__ import annotations

import time

import pytest
import torch

from engine.bases.motion_autoencoder import MotionAutoencoder
from engine.pretraining.examples import draw_example
from engine.pretraining.on_gpu import Amounts, Together, draw_clip_of_bytes, draw_picture_of_bytes, encoded
from engine.pretraining.supply import Drawn, Memory, Supply

CPU = torch.device("cpu")


def two_numbers(seed: int) -> Drawn:
    """What a process draws in these tests."""
    return torch.tensor([float(seed)]), torch.tensor(seed)


def taken(supply: Supply, count: int) -> Drawn:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if (drawn := supply.take(count)) is not None:
            return drawn
        time.sleep(0.01)
    raise TimeoutError


def test_processes_draw_every_second_seed_once():
    supply = Supply(two_numbers, processes=2, first_seed=100)
    try:
        floats, seeds = taken(supply, 40)
        assert floats.shape == (40, 1)
        assert torch.equal(floats[:, 0], seeds.float())
        assert len(set(seeds.tolist())) == 40
        assert all(seed >= 100 and seed % 2 == 0 for seed in seeds.tolist())
    finally:
        supply.close()


def test_a_memory_keeps_the_latest_and_draws_no_others():
    memory = Memory(5, CPU)
    for first in (0, 3, 6):
        memory.put((torch.arange(first, first + 3), torch.arange(first, first + 3) / 2))
    whole, halves = memory.draw(200)
    assert memory.held == 5
    assert set(whole.tolist()) == {4, 5, 6, 7, 8}
    assert halves.dtype == torch.half
    assert torch.equal(halves.float() * 2, whole.float())


def test_a_clip_that_came_through_a_pipe_has_the_latents_of_the_drawn_one():
    example, autoencoder = draw_example(12), MotionAutoencoder()
    frames, cells, weights = draw_clip_of_bytes(12)
    sent = encoded(autoencoder, frames[None], cells[None])
    whole = autoencoder.encode_moving(example.frames[None], example.origin[None])
    assert torch.equal(weights, example.weights)
    first = (autoencoder.decode(sent[:, :, :1]), autoencoder.decode(whole[:, :, :1]))
    assert (first[0] - first[1]).abs().max() < 0.05
    assert (autoencoder.origin(sent) - autoencoder.origin(whole)).abs().mean() < 0.05


def test_a_picture_through_a_pipe_is_in_bytes():
    pixels, labels, motions = draw_picture_of_bytes(8)
    assert pixels.dtype == torch.uint8
    assert labels.dtype == motions.dtype == torch.half


@pytest.mark.acceptance
def test_denoiser_and_encoder_are_trained_together_and_leave_a_base(tmp_path):
    from engine.bases.base_folder import base_folder
    from engine.bases.catalog import load_base

    amounts = Amounts(
        clips_a_step=2,
        pictures_a_step=4,
        clip_processes=1,
        picture_processes=1,
        kept_clips=64,
        kept_pictures=64,
        first_clips=32,
        printed_every=1,
    )
    together = Together(base_folder("nano"), 45.0, amounts, CPU)
    together.go(tmp_path)
    assert together.run.state.step > 1
    base = load_base(tmp_path / "nano", device=CPU, dtype=torch.float32)
    assert base.spec.name == "nano"
    assert '"labels"' in (tmp_path / "log.jsonl").read_text().splitlines()[0]
