"""What each added adapter costs, as a ratio to the base, side by side in one run: `python -m engine.benchmark`.

Times are medians over rounds in which every variant runs once, so that a busy machine is busy for all of them. The
floating-point operations are counted by torch and do not depend on the machine.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from engine.adapters.attach import attached
from engine.adapters.composition import Composition
from engine.adapters.miva import MivaAdapter
from engine.bases.base_folder import read_base_spec
from engine.bases.catalog import load_base
from engine.counting.operations import count_operations
from engine.device import choose_device, choose_dtype
from engine.recipe import apply_overrides, base_defaults, recipe_from_dict
from engine.shapes import latent_shape
from engine.training.adapter_plan import plan_adapter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from torch import Tensor

    from engine.bases.base import Base


@dataclass(frozen=True)
class Measurement:
    """One variant of a denoising step.

    Args:
        name: as printed.
        seconds: of each round.
        operations: floating-point operations of one step.
    """

    name: str
    seconds: tuple[float, ...]
    operations: int

    @property
    def median(self) -> float:
        """Seconds of a step."""
        return statistics.median(self.seconds)


def random_adapter(base: Base, seed: int, *, masked: bool = False, wishes: Sequence[str] = ()) -> MivaAdapter:
    """An adapter of the base's default recipe, or with wishes `section.key=value`, whose tensors all have values."""
    document = apply_overrides(base_defaults(base.spec, masked=masked), ["adapter.motion=benchmark", *wishes])
    adapter = MivaAdapter.create(plan_adapter(recipe_from_dict(document), base.spec), base.sites(), seed=seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in adapter.parameters():
            tensor.add_(0.02 * torch.randn(tensor.shape, generator=generator).to(tensor))
    return adapter.to(base.dtype).requires_grad_(requires_grad=False).eval()


def variants(base: Base, most: int) -> dict[str, AbstractContextManager[object]]:
    """Context managers that put 0 to `most` adapters on the base."""
    adapters = [random_adapter(base, seed) for seed in range(most)]
    with_adapters = {
        f"base + {count} adapter{'s' if count > 1 else ''}": Composition.of(*adapters[:count])
        for count in range(1, most + 1)
    }
    return {"base": nullcontext()} | {name: attached(base, chosen) for name, chosen in with_adapters.items()}


@torch.no_grad()
def measure(base: Base, *, most: int, rounds: int) -> tuple[Measurement, ...]:
    """Every variant, `rounds` times each, in turns; one round before them is not counted."""
    shape = latent_shape(base.spec.clip, base.spec.latent)
    noisy = torch.randn(1, shape.channels, shape.frames, shape.height, shape.width, device=base.device)
    timestep = torch.tensor([500.0], device=base.device)
    names = list(variants(base, most))
    seconds: dict[str, list[float]] = {name: [] for name in names}
    operations: dict[str, int] = {}
    for turn in range(rounds + 1):
        for name, context in variants(base, most).items():
            with context:
                if turn == 0:
                    operations[name] = count_operations(base, noisy, timestep)
                else:
                    seconds[name].append(time_step(base, noisy, timestep))
    return tuple(Measurement(name, tuple(seconds[name]), operations[name]) for name in names)


def time_step(base: Base, noisy: Tensor, timestep: Tensor) -> float:
    """Seconds of one prediction."""
    began = time.perf_counter()
    base.predict(noisy, timestep)
    if noisy.device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began


def table(measurements: tuple[Measurement, ...]) -> str:
    """The measurements as Markdown, each as a ratio to the first."""
    first = measurements[0]
    lines = ["| step | seconds | ratio | operations (G) | ratio |", "|---|---|---|---|---|"]
    for item in measurements:
        ratio, counted = item.median / first.median, item.operations / first.operations
        lines.append(f"| {item.name} | {item.median:.3f} | {ratio:.2f} | {item.operations / 1e9:.2f} | {counted:.2f} |")
    return "\n".join(lines)


def main() -> None:
    """Command line of the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", default="nano", help="a packaged base or a folder")
    parser.add_argument("--most", type=int, default=4, help="adapters in the largest composition")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    device = choose_device()
    base = load_base(options.base, device=device, dtype=choose_dtype(device))
    spec = read_base_spec(options.base)
    clip = spec.clip
    text = table(measure(base, most=options.most, rounds=options.rounds))
    threads = f"{torch.get_num_threads()} of {os.cpu_count()} cores"
    print(f"{spec.name}, {clip.frames} frames of {clip.width}x{clip.height}, {device.type}, {base.dtype}, {threads}")  # noqa: T201
    print(f"torch {torch.__version__}\n\n{text}")  # noqa: T201


if __name__ == "__main__":
    main()
