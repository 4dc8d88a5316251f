"""What a training step costs beside the least it could: `python -m engine.training_speed`.

The least is the base's forward pass and the backward pass to activations only, which every adapter's gradients need.
Both are taken in turns, so that a busy machine is busy for both; memory is measured beside what is counted from shapes.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import torch

from engine.adapters.miva import MivaAdapter
from engine.bases.catalog import load_base
from engine.counting.blueprint import assemble, blueprint, counted_adapter, in_format
from engine.counting.masked_count import empty_latents
from engine.counting.training_bytes import training_bytes
from engine.device import choose_device, choose_dtype, draw_noise
from engine.recipe import apply_overrides, base_defaults, recipe_from_dict
from engine.shapes import latent_shape
from engine.training.adapter_plan import plan_adapter
from engine.training.attention_kernel import trainable_attention
from engine.training.events import StepDone
from engine.training.peak_memory import PeakMemory
from engine.training.trainer import Trainer

if TYPE_CHECKING:
    from torch import Tensor

    from engine.bases.base import Base
    from engine.count_requests import TrainingBytes

RATIO_AT_MOST: Final = 1.6
TIMESTEP: Final = 500.0


@dataclass(frozen=True)
class FixedExamples:
    """`Examples` that are always the same latents."""

    latents: Tensor
    digest: str = "sha256:fixed"

    def batch(self, seed: int, samples: range) -> Tensor:
        """The same for every sample."""
        del seed
        return self.latents.expand(len(samples), -1, -1, -1, -1)


@dataclass(frozen=True)
class TrainingCost:
    """Medians in seconds; the most memory the process, or the card, had for each, in bytes."""

    base_seconds: float
    step_seconds: float
    base_bytes: int
    step_bytes: int

    @property
    def ratio(self) -> float:
        """Of a training step to the base's two passes."""
        return self.step_seconds / self.base_seconds


def measure(name: str, *, rounds: int) -> TrainingCost:
    """Both ways on a base, `rounds` times after one that does not count.

    Args:
        name: of a packaged base, or its folder.
        rounds: at least 1.
    """
    device = choose_device()
    bare, trained = (load_base(name, device=device, dtype=choose_dtype(device)) for _ in range(2))
    shape = latent_shape(bare.spec.clip, bare.spec.latent)
    latents = draw_noise((1, shape.channels, shape.frames, shape.height, shape.width), seed=1)
    peak = PeakMemory(device)
    base_times = [time_base(bare, latents)]
    base_bytes = peak.bytes
    with TemporaryDirectory() as folder:
        steps = fixed_trainer(trained, FixedExamples(latents), rounds + 1, Path(folder)).fit()
        step_times = [seconds_of_next_step(steps)]
        for _ in range(rounds):
            base_times.append(time_base(bare, latents))
            step_times.append(seconds_of_next_step(steps))
        for _ in steps:
            pass
    return TrainingCost(statistics.median(base_times[1:]), statistics.median(step_times[1:]), base_bytes, peak.bytes)


def time_base(base: Base, latents: Tensor) -> float:
    """Seconds of a forward pass and of a backward pass to the activations; no tensor of the base gets a gradient."""
    handle = base.denoiser.register_forward_pre_hook(_with_gradient, with_kwargs=True)
    try:
        began = time.perf_counter()
        with trainable_attention(base.device, base.dtype):
            base.predict(latents, TIMESTEP)[:, :, 1:].square().mean().backward()
        if base.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - began
    finally:
        handle.remove()


def _with_gradient(module: object, args: tuple[object, ...], kwargs: dict[str, object]) -> None:
    """Let what the denoiser is shown want a gradient, so that one flows back through all of its layers."""
    del module
    shown = next(value for value in (*args, *kwargs.values()) if isinstance(value, torch.Tensor))
    shown.requires_grad_()


def counted(name: str) -> TrainingBytes:
    """Memory of a training step from shapes, with gradient checkpointing."""
    plan = blueprint(name)
    base = assemble(plan, in_format(plan.denoiser, torch.bfloat16))
    return training_bytes(base, counted_adapter(base), *empty_latents(base))


def fixed_trainer(base: Base, examples: FixedExamples, steps: int, folder: Path, *wishes: str) -> Trainer:
    """A training of `steps` steps by the base's own recipe and more of it, `section.key=value`; saved at its end."""
    choices = ("adapter.motion=benchmark", f"optimiser.steps={steps}", "run.checkpoint_seconds=0.0", *wishes)
    recipe = recipe_from_dict(apply_overrides(base_defaults(base.spec), choices))
    adapter = MivaAdapter.create(plan_adapter(recipe, base.spec), base.sites(), seed=1)
    return Trainer(base, adapter, examples, recipe, folder)


def seconds_of_next_step(events: object) -> float:
    """Seconds of the next step of a run."""
    return next(event.seconds for event in events if isinstance(event, StepDone))  # type: ignore[attr-defined]


def table(cost: TrainingCost) -> str:
    """The result as Markdown."""
    return "\n".join(
        (
            "| | seconds | ratio | most memory |",
            "|---|---|---|---|",
            f"| base, both passes, to activations only | {cost.base_seconds:.3f} | 1.00 | {_size(cost.base_bytes)} |",
            f"| training step of an adapter | {cost.step_seconds:.3f} | {cost.ratio:.2f} | {_size(cost.step_bytes)} |",
        )
    )


def _size(count: int) -> str:
    return f"{count / 1e6:.0f} MB"


def main() -> None:
    """Command line; exit code 1 when a step costs more than is promised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", default="nano", help="a packaged base or a folder")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    cost = measure(options.base, rounds=max(options.rounds, 1))
    need = counted(options.base)
    threads = f"{torch.get_num_threads()} of {os.cpu_count()} cores"
    print(f"{options.base}, {choose_device().type}, {choose_dtype(choose_device())}, {threads}")  # noqa: T201
    print(f"torch {torch.__version__}; at most {RATIO_AT_MOST} times\n\n{table(cost)}\n")  # noqa: T201
    print(  # noqa: T201
        f"counted, in bfloat16 with gradient checkpointing: weights {_size(need.weights)}, "
        f"adapter and optimiser {_size(need.adapter)}, activations {_size(need.saved + need.transient)}"
    )
    sys.exit(0 if cost.ratio <= RATIO_AT_MOST else 1)


if __name__ == "__main__":
    main()
