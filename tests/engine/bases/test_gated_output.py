"""A denoiser's own guess, and the noisy clip where its gates are open."""

from __future__ import annotations

import pytest
import torch

from engine.bases.gated_output import clean_clip

SHAPE = (2, 4, 3, 5, 6)
OPEN, CLOSED = 40.0, -40.0


def normal(seed: int) -> torch.Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("gate", "share"), [(OPEN, 1.0), (0.0, 0.5), (CLOSED, 0.0)])
def test_gates_say_how_much_of_the_noisy_clip_is_kept(gate: float, share: float):
    guess, noisy = normal(0), normal(1)
    output = torch.cat([guess, torch.full(SHAPE, gate)], 1)
    torch.testing.assert_close(clean_clip(output, noisy), (1 - share) * guess + share * noisy)


def test_each_place_has_a_gate_of_its_own():
    gates = torch.full(SHAPE, CLOSED)
    gates[0, 1, 2, 3, 4] = OPEN
    kept = clean_clip(torch.cat([torch.zeros(SHAPE), gates], 1), normal(1))
    assert kept[0, 1, 2, 3, 4] == normal(1)[0, 1, 2, 3, 4]
    assert torch.count_nonzero(kept.abs() > 1e-6) == 1


def test_a_guess_in_half_the_digits_goes_with_a_noisy_clip_in_all():
    output = torch.cat([normal(0), normal(2)], 1).bfloat16()
    answer = clean_clip(output, normal(1))
    assert answer.dtype == torch.float32
    torch.testing.assert_close(answer, clean_clip(output.float(), normal(1)), rtol=0.02, atol=0.02)


def test_without_gates_the_guess_is_the_answer():
    guess = normal(0)
    assert clean_clip(guess, normal(1)) is guess
