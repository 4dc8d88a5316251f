"""Optimiser state by name, learning rates by step, the running average."""

from __future__ import annotations

import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.recipe import OptimiserChoice
from engine.training.optimiser import WeightAverage, adamw, learning_rate, optimiser_tensors, restore_optimiser
from registry_schema.errors import IntegrityProblem, NotFound


def parameters() -> dict[str, torch.nn.Parameter]:
    torch.manual_seed(0)
    return {name: torch.nn.Parameter(torch.randn(3)) for name in ("b.weight", "a.weight")}


def step(optimiser: torch.optim.AdamW, tensors: dict[str, torch.nn.Parameter]) -> None:
    optimiser.zero_grad()
    sum((tensor**3).sum() for tensor in tensors.values()).backward()
    optimiser.step()


def test_an_optimiser_restored_by_names_goes_on_exactly():
    choice = OptimiserChoice(learning_rate=0.1)
    unbroken, first, second = parameters(), parameters(), parameters()
    optimiser = adamw(unbroken, choice)
    for _ in range(5):
        step(optimiser, unbroken)
    optimiser = adamw(first, choice)
    for _ in range(2):
        step(optimiser, first)
    saved = {name: tensor.clone() for name, tensor in optimiser_tensors(optimiser, first).items()}
    for name, tensor in second.items():
        tensor.data.copy_(first[name].data)
    optimiser = adamw(second, choice)
    restore_optimiser(optimiser, second, saved)
    for _ in range(3):
        step(optimiser, second)
    assert all(torch.equal(second[name], unbroken[name]) for name in unbroken)


def test_state_of_an_unknown_tensor_is_refused():
    tensors = parameters()
    with pytest.raises(IntegrityProblem, match=r"`exp_avg\.c\.weight`"):
        restore_optimiser(adamw(tensors, OptimiserChoice()), tensors, {"exp_avg.c.weight": torch.zeros(3)})


def test_the_rate_rises_then_stays_or_falls():
    constant = OptimiserChoice(learning_rate=1.0, warmup=3, steps=13)
    assert [learning_rate(n, constant) for n in range(5)] == [0.25, 0.5, 0.75, 1.0, 1.0]
    cosine = OptimiserChoice(learning_rate=1.0, warmup=3, steps=13, schedule="cosine")
    assert learning_rate(8, cosine) == pytest.approx(0.5)
    assert learning_rate(13, cosine) == pytest.approx(0.0)


def test_an_average_with_decay_0_is_the_last_weights():
    tensors = parameters()
    average = WeightAverage(tensors, 0.0)
    for n in range(3):
        for tensor in tensors.values():
            tensor.data.mul_(1.7)
        average.update(tensors, n)
    assert all(torch.equal(average.tensors[name], tensors[name]) for name in tensors)


def test_an_average_lags_behind_the_weights():
    tensors = {"a": torch.nn.Parameter(torch.zeros(1))}
    average = WeightAverage(tensors, 0.9)
    tensors["a"].data.fill_(1.0)
    average.update(tensors, 1000)
    assert average.tensors["a"].item() == pytest.approx(0.1)


def test_moments_in_8_bits_are_saved_and_restored_exactly(tmp_path):
    pytest.importorskip("bitsandbytes")
    choice = OptimiserChoice(kind="adamw_8bit", learning_rate=0.1)

    def wide() -> dict[str, torch.nn.Parameter]:
        numbers = torch.Generator().manual_seed(1)
        return {name: torch.nn.Parameter(torch.randn(80, 80, generator=numbers)) for name in ("a", "b")}

    unbroken, second = wide(), wide()
    optimiser = adamw(unbroken, choice)
    for _ in range(2):
        step(optimiser, unbroken)
    save_file(optimiser_tensors(optimiser, unbroken), tmp_path / "state.safetensors")
    for name, tensor in second.items():
        tensor.data.copy_(unbroken[name].data)
    again = adamw(second, choice)
    restore_optimiser(again, second, load_file(tmp_path / "state.safetensors"))
    step(optimiser, unbroken)
    step(again, second)
    assert {state["state1"].dtype for state in again.state.values()} == {torch.uint8}
    assert all(torch.equal(second[name], unbroken[name]) for name in unbroken)


def test_without_bitsandbytes_moments_in_8_bits_are_refused_with_the_way_out(monkeypatch):
    monkeypatch.setitem(sys.modules, "bitsandbytes.optim", None)
    with pytest.raises(NotFound, match="needs bitsandbytes") as caught:
        adamw(parameters(), OptimiserChoice(kind="adamw_8bit"))
    assert 'pip install "mivactl[8bit]"' in caught.value.hint


def test_the_average_stands_in_for_the_weights_and_goes_without_a_trace():
    tensors = parameters()
    before = {name: tensor.detach().clone() for name, tensor in tensors.items()}
    average = WeightAverage(tensors, 0.9)
    with torch.no_grad():
        for tensor in tensors.values():
            tensor.add_(1)
    with average.instead_of(tensors):
        assert all(torch.equal(tensor, before[name]) for name, tensor in tensors.items())
    assert all(torch.equal(tensor, before[name] + 1) for name, tensor in tensors.items())
