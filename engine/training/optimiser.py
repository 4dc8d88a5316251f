"""AdamW, its state by tensor names, the learning rate of each step, and the running average."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

import torch

from registry_schema.errors import IntegrityProblem, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from engine.recipe import OptimiserChoice

Parameters: TypeAlias = Mapping[str, torch.nn.Parameter]
STEP = "step"


def adamw(parameters: Parameters, choice: OptimiserChoice) -> torch.optim.Optimizer:
    """The optimiser over exactly these tensors, in the order of their names.

    Raises:
        NotFound: moments in 8 bits are asked for, and bitsandbytes is missing.
    """
    return _kind(choice)(
        [parameters[name] for name in sorted(parameters)],
        lr=choice.learning_rate,
        betas=choice.betas,
        eps=choice.eps,
        weight_decay=choice.weight_decay,
    )


def _kind(choice: OptimiserChoice) -> Callable[..., torch.optim.Optimizer]:
    if choice.kind == "adamw":
        return torch.optim.AdamW
    try:
        from bitsandbytes.optim import AdamW8bit
    except ImportError as problem:
        raise NotFound(
            "`optimiser.kind=adamw_8bit` needs bitsandbytes, which is not here",
            hint='run `pip install "mivactl[8bit]"`, or pass `--set optimiser.kind=adamw`',
        ) from problem
    return AdamW8bit


def learning_rate(step: int, choice: OptimiserChoice) -> float:
    """The rate of a step, counted from 0: a linear rise over `warmup` steps, then constant or half a cosine to 0."""
    rate = choice.learning_rate
    if step < choice.warmup:
        return rate * (step + 1) / (choice.warmup + 1)
    if choice.schedule == "constant":
        return rate
    done = (step - choice.warmup) / max(choice.steps - choice.warmup, 1)
    return rate * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


def set_learning_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Puts the rate into every group."""
    for group in optimiser.param_groups:
        group["lr"] = rate


def optimiser_tensors(optimiser: torch.optim.Optimizer, parameters: Parameters) -> dict[str, Tensor]:
    """The optimiser's state as `<moment>.<tensor name>`; empty before the first step."""
    return {
        f"{moment}.{name}": torch.as_tensor(value).detach().to("cpu", copy=True)
        for name, parameter in parameters.items()
        for moment, value in optimiser.state.get(parameter, {}).items()
    }


def restore_optimiser(optimiser: torch.optim.Optimizer, parameters: Parameters, tensors: Mapping[str, Tensor]) -> None:
    """The inverse of `optimiser_tensors`.

    Raises:
        IntegrityProblem: a tensor belongs to no parameter.
    """
    for key, value in tensors.items():
        moment, _, name = key.partition(".")
        if name not in parameters:
            raise IntegrityProblem(f"saved optimiser state has `{key}`, the adapter has no such tensor")
        parameter = parameters[name]
        optimiser.state[parameter][moment] = _placed(moment, value.clone(), parameter, optimiser)


def _placed(moment: str, value: Tensor, parameter: Tensor, optimiser: torch.optim.Optimizer) -> Tensor | int:
    """A part of the state as its optimiser holds it; AdamW counts steps on the CPU, wherever the moments are."""
    if moment != STEP:
        return value.to(parameter.device)
    return value if isinstance(optimiser, torch.optim.AdamW) else int(value)


class WeightAverage:
    """Exponential moving average of the trained tensors; with decay 0 it is the last weights.

    The decay rises with the steps, min(decay, (1 + n) / (10 + n)), so that the start is forgotten.
    Source: the rule of TensorFlow's ExponentialMovingAverage, as in diffusers.
    """

    def __init__(self, parameters: Parameters, decay: float) -> None:
        self._decay = decay
        self._tensors = {name: tensor.detach().clone() for name, tensor in parameters.items()}

    @torch.no_grad()
    def update(self, parameters: Parameters, step: int) -> None:
        """Moves the average towards the weights after `step` (counted from 0)."""
        decay = min(self._decay, (1 + step) / (10 + step))
        for name, average in self._tensors.items():
            average.lerp_(parameters[name].detach(), 1 - decay)

    @property
    def tensors(self) -> dict[str, Tensor]:
        """The average by name."""
        return self._tensors

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Goes on from a saved average."""
        for name, average in self._tensors.items():
            average.copy_(tensors[name])

    @contextmanager
    def instead_of(self, parameters: Parameters) -> Iterator[None]:
        """The trained tensors hold the average while the block runs, and afterwards what they held before."""
        before = {name: parameters[name].detach().clone() for name in self._tensors}
        _overwrite(parameters, self._tensors)
        try:
            yield
        finally:
            _overwrite(parameters, before)


@torch.no_grad()
def _overwrite(parameters: Parameters, tensors: Mapping[str, Tensor]) -> None:
    for name, tensor in tensors.items():
        parameters[name].copy_(tensor)
