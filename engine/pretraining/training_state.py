"""What a pretraining needs to go on where it stopped: weights, averages, optimiser, steps and time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

    from engine.pretraining.processes import Processes

STATE_NAME = "state.safetensors"


class TrainingState:
    """A network in training.

    Args:
        model: what is trained.
        optimiser: of its parameters.
        slowness: how much of the averaged weights one step keeps.
    """

    def __init__(self, model: nn.Module, optimiser: torch.optim.Optimizer, *, slowness: float) -> None:
        self.model, self.optimiser, self.slowness = model, optimiser, slowness
        self.average: dict[str, Tensor] = {}
        self.step, self.spent = 0, 0.0
        self.begin_average()

    def begin_average(self) -> None:
        """Let the averages be the weights of now."""
        self.average = {name: value.detach().clone() for name, value in self.model.state_dict().items()}

    def update(self, loss: Tensor, rate: float, processes: Processes) -> None:
        """One step down the mean gradient of all processes, and the averages after it."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        loss.backward()
        processes.average([p.grad for p in self.model.parameters() if p.grad is not None])
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        keep = min(self.slowness, (self.step + 1) / (self.step + 20))
        with torch.no_grad():
            state = self.model.state_dict()
            torch._foreach_lerp_([self.average[n] for n in state], list(state.values()), 1 - keep)
        self.step += 1

    def save(self, folder: Path) -> None:
        """Everything needed to go on, written to a temporary name and renamed."""
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {f"model.{n}": v.contiguous() for n, v in self.model.state_dict().items()}
        tensors |= {f"average.{n}": v.contiguous() for n, v in self.average.items()}
        for index, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{n}": v.reshape(1) if v.ndim == 0 else v for n, v in state.items()}
        fresh = folder / "state.new"
        save_file(tensors, fresh, {"step": str(self.step), "spent": str(self.spent)})
        fresh.replace(folder / STATE_NAME)

    def resume(self, folder: Path) -> None:
        """Go on from what `save` left, if there is something."""
        path = folder / STATE_NAME
        if not path.exists():
            return
        tensors = load_file(path)
        with safe_open(path, "pt") as file:
            facts = file.metadata()
        self.step, self.spent = int(facts["step"]), float(facts["spent"])
        self.model.load_state_dict({n.removeprefix("model."): v for n, v in tensors.items() if n.startswith("model.")})
        self.average = averaged(tensors)
        layout = self.optimiser.state_dict()
        for name, value in tensors.items():
            if name.startswith("optimiser."):
                _, index, key = name.split(".")
                layout["state"].setdefault(int(index), {})[key] = value.reshape(()) if key == "step" else value
        self.optimiser.load_state_dict(layout)


def averaged(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The averaged weights of a saved state."""
    return {n.removeprefix("average."): v.clone() for n, v in tensors.items() if n.startswith("average.")}
