"""One denoising step at full size on this machine, base and base + adapter in turn: `python -m engine.full_size`.

Weights are random: what a step costs does not depend on what it makes. Seconds inside attention kernels are told apart
from all others, since an adapter adds attention by its nature and should add little else.
"""

from __future__ import annotations

import argparse
import math
import os
import resource
import statistics
import sys
import time
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import torch

from engine.adapters.attach import attached
from engine.adapters.composition import Composition
from engine.benchmark import random_adapter
from engine.counting.attention_kernel import attention_by, plain_attention
from engine.counting.blueprint import assemble, blueprint, in_format
from engine.counting.count import count_ratio
from engine.shapes import latent_shape

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from torch import Tensor

    from engine.bases.denoiser_base import DenoiserBase
    from engine.bases.diffusers_types import DenoiserModel
    from engine.counting.blueprint import Blueprint

WALL_AT_MOST: Final = 1.55
OUTSIDE_AT_MOST: Final = 1.10
MEMORY_AT_MOST: Final = 6 * 10**9


@dataclass(frozen=True)
class StepTime:
    """Seconds of one prediction, and those of them inside attention kernels."""

    wall: float
    attention: float

    @property
    def outside(self) -> float:
        """Seconds outside attention kernels."""
        return self.wall - self.attention


@dataclass(frozen=True)
class FullSizeResult:
    """Medians of a base and of the base with one adapter, most memory this process had, and the counted ratio."""

    base: StepTime
    adapted: StepTime
    memory_bytes: int
    counted_ratio: float

    @property
    def wall_ratio(self) -> float:
        """Of a whole step."""
        return self.adapted.wall / self.base.wall

    @property
    def outside_ratio(self) -> float:
        """Of the part outside attention kernels."""
        return self.adapted.outside / self.base.outside

    @property
    def within(self) -> bool:
        """Whether all three limits hold."""
        ratios = self.wall_ratio <= WALL_AT_MOST and self.outside_ratio <= OUTSIDE_AT_MOST
        return ratios and self.memory_bytes <= MEMORY_AT_MOST


def measure(plan: Blueprint, *, rounds: int, dtype: torch.dtype = torch.bfloat16) -> FullSizeResult:
    """Times of `rounds` rounds after one that does not count; base and base + adapter take turns in each.

    Args:
        plan: of the base; its denoiser is filled with random values.
        rounds: at least 1.
        dtype: of base and adapter.
    """
    counted = count_ratio(plan)
    base = assemble(plan, random_weights(in_format(plan.denoiser, dtype)))
    shape = latent_shape(base.spec.clip, base.spec.latent)
    noisy = torch.randn(1, shape.channels, shape.frames, shape.height, shape.width)
    composition = Composition.of(random_adapter(base, seed=1))
    base_times, adapted_times = [], []
    for _ in range(rounds + 1):
        base_times.append(time_step(base, noisy, nullcontext()))
        adapted_times.append(time_step(base, noisy, attached(base, composition, timesteps=(500.0,))))
    return FullSizeResult(
        base=_median(base_times[1:]),
        adapted=_median(adapted_times[1:]),
        memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        counted_ratio=counted,
    )


@torch.no_grad()
def time_step(base: DenoiserBase, noisy: Tensor, adapters: AbstractContextManager[object]) -> StepTime:
    """Times of one prediction on the processor."""
    inside = 0.0

    def watched(*args: Any, **kwargs: Any) -> Tensor:  # noqa: ANN401 - as torch takes them
        nonlocal inside
        began = time.perf_counter()
        mixed: Tensor = plain_attention(*args, **kwargs)
        inside += time.perf_counter() - began
        return mixed

    with adapters, attention_by(watched):
        began = time.perf_counter()
        predicted = base.predict(noisy, 500.0)
        wall = time.perf_counter() - began
    if not torch.isfinite(predicted).all():
        msg = "the random weights gave values that are not finite, whose times say nothing"
        raise FloatingPointError(msg)
    return StepTime(wall, inside)


def random_weights(denoiser: DenoiserModel, device: str = "cpu") -> DenoiserModel:
    """The denoiser, from the meta device to another, with values that keep activations near 1."""
    filled = denoiser.to_empty(device=device)
    generator = torch.Generator(device).manual_seed(0)
    with torch.no_grad():
        for name, tensor in (*filled.named_parameters(), *filled.named_buffers()):
            if tensor.ndim >= 2:
                tensor.normal_(0, 1 / math.sqrt(tensor[0].numel()), generator=generator)
            else:
                tensor.fill_(1.0 if name.endswith("weight") else 0.0)
    return filled.requires_grad_(requires_grad=False).eval()


def _median(times: Sequence[StepTime]) -> StepTime:
    outside = statistics.median(step.outside for step in times)
    wall = statistics.median(step.wall for step in times)
    return StepTime(wall, wall - outside)


def table(result: FullSizeResult) -> str:
    """The result as Markdown."""
    lines = [
        "| step | seconds | in attention kernels | outside |",
        "|---|---|---|---|",
        *(
            f"| {name} | {step.wall:.2f} | {step.attention:.2f} | {step.outside:.2f} |"
            for name, step in (("base", result.base), ("base + 1 adapter", result.adapted))
        ),
        "",
        "| | measured | at most |",
        "|---|---|---|",
        f"| ratio of a step | {result.wall_ratio:.3f} | {WALL_AT_MOST:.2f} |",
        f"| ratio outside attention kernels | {result.outside_ratio:.3f} | {OUTSIDE_AT_MOST:.2f} |",
        f"| most memory of the process | {result.memory_bytes / 1e9:.2f} GB | {MEMORY_AT_MOST / 1e9:.0f} GB |",
        f"| ratio of operations, counted | {result.counted_ratio:.3f} | - |",
    ]
    return "\n".join(lines)


def main() -> None:
    """Command line; exit code 1 when a limit does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", default="animatediff-v3", help="a base of the paper, a packaged one, or a folder")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    plan = blueprint(options.base)
    result = measure(plan, rounds=max(options.rounds, 1))
    clip = plan.spec.clip
    threads = f"{torch.get_num_threads()} of {os.cpu_count()} cores"
    print(f"{plan.spec.name}, {clip.frames} frames of {clip.width}x{clip.height}, bfloat16, cpu, {threads}")  # noqa: T201
    print(f"torch {torch.__version__}\n\n{table(result)}")  # noqa: T201
    sys.exit(0 if result.within else 1)


if __name__ == "__main__":
    main()
