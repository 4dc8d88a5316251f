"""Running out of memory: one clear error, and nothing of what failed stays."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch

from engine.animation.memory import SMALLER_TRAINING, memory_problems
from registry_schema.errors import ResourceProblem


def too_much() -> None:
    torch.empty(1 << 60, dtype=torch.uint8)


def test_what_torch_was_asked_for_is_said_with_a_way_out():
    words = "not enough memory: .*allocate 1152921504606846976 bytes"
    with pytest.raises(ResourceProblem, match=words) as caught, memory_problems():
        too_much()
    assert "--vram 4" in caught.value.hint
    with pytest.raises(ResourceProblem) as caught, memory_problems(SMALLER_TRAINING):
        bytearray(1 << 62)
    assert "gradient_checkpointing" in caught.value.hint


def test_other_errors_pass_as_they_are():
    with pytest.raises(RuntimeError, match="expected"), memory_problems():
        torch.ones(2) @ torch.ones(3)


def test_tensors_of_the_failed_run_are_let_go_of_while_the_error_is_still_told():
    seen = []

    def run() -> None:
        large = torch.ones(1000)
        seen.append(weakref.ref(large))
        too_much()

    with pytest.raises(ResourceProblem) as caught, memory_problems():
        run()
    gc.collect()
    assert caught.value.__cause__ is not None
    assert seen[0]() is None
