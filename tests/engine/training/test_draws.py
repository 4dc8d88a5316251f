"""Random choices of a run are pure functions of (seed, sample)."""

from __future__ import annotations

import pytest
import torch

from engine.training.draws import adapter_weight, fractions_of, noise_of, window_choice


def test_a_samples_noise_does_not_depend_on_its_batch():
    together = noise_of(7, range(4, 8), (2, 3))
    apart = torch.cat([noise_of(7, range(4, 6), (2, 3)), noise_of(7, range(6, 8), (2, 3))])
    assert torch.equal(together, apart)
    assert len({tuple(row.flatten().tolist()) for row in together}) == 4


def test_other_seeds_and_other_samples_give_other_draws():
    assert not torch.equal(noise_of(1, range(1), (4,)), noise_of(2, range(1), (4,)))
    assert len(set(fractions_of(3, range(100)).tolist())) == 100


def test_asking_again_or_in_another_order_gives_the_same():
    first = [window_choice(5, sample, (3, 1, 2), flip=True) for sample in range(20)]
    again = [window_choice(5, sample, (3, 1, 2), flip=True) for sample in reversed(range(20))]
    assert first == again[::-1]


def test_every_clip_comes_once_before_one_comes_again():
    windows = (3, 1, 2, 4)
    for turn in range(5):
        clips = [window_choice(0, turn * 4 + place, windows, flip=False).clip for place in range(4)]
        assert sorted(clips) == [0, 1, 2, 3]


def test_windows_and_mirrors_all_get_their_turn():
    drawn = {window_choice(0, sample, (3,), flip=True) for sample in range(100)}
    assert len(drawn) == 6
    assert not any(window_choice(0, sample, (3,), flip=False).flipped for sample in range(100))


def test_timesteps_cover_the_schedule():
    drawn = fractions_of(0, range(2000))
    assert 0 <= float(drawn.min()) < 0.01
    assert 0.99 < float(drawn.max()) < 1
    assert abs(float(drawn.mean()) - 0.5) < 0.03


def test_weights_fill_their_range_and_belong_to_the_step():
    drawn = [adapter_weight(1, step, least=0.3) for step in range(400)]
    assert 0.3 <= min(drawn) < 0.32
    assert 0.98 < max(drawn) <= 1
    assert sum(drawn) / len(drawn) == pytest.approx(0.65, abs=0.03)
    assert drawn[7] == adapter_weight(1, 7, least=0.3) != adapter_weight(2, 7, least=0.3)
    assert adapter_weight(1, 7, least=1.0) == 1
