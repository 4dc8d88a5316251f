"""The paper's bases at full size on a GPU: `python -m engine.full_size_gpu`.

One denoising step with 0 to 4 adapters, and one training step, with random weights: what a step costs does not depend
on what it makes. Measured memory stands beside what `mivactl bench --counted` counts from shapes.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import torch

from engine.benchmark import variants
from engine.counting.blueprint import assemble, blueprint, in_format
from engine.full_size import random_weights
from engine.shapes import latent_shape
from engine.training.peak_memory import PeakMemory
from engine.training_speed import FixedExamples, counted, fixed_trainer, seconds_of_next_step

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from engine.bases.denoiser_base import DenoiserBase

DEVICE: Final = "cuda"
BASES: Final = ("animatediff-v3", "wan2.1-t2v-1.3b")
TIMESTEP: Final = 500.0


@dataclass(frozen=True)
class Cost:
    """What was measured of a step.

    Args:
        name: as printed.
        seconds: median.
        memory: most bytes, weights included.
    """

    name: str
    seconds: float
    memory: int


def full_base(name: str) -> DenoiserBase:
    """A base of the paper in bfloat16 on the GPU, with random weights."""
    plan = blueprint(name)
    return assemble(plan, random_weights(in_format(plan.denoiser, torch.bfloat16), DEVICE))


def random_latents(base: DenoiserBase) -> Tensor:
    """Latents of one clip of the base's own shape."""
    shape = latent_shape(base.spec.clip, base.spec.latent)
    return torch.randn(1, shape.channels, shape.frames, shape.height, shape.width, device=DEVICE)


@torch.no_grad()
def denoising(base: DenoiserBase, *, most: int, rounds: int) -> list[Cost]:
    """One step with 0 to `most` adapters each, all at equal weights."""
    noisy = random_latents(base)
    costs = []
    for name, adapters in variants(base, most).items():
        with adapters:
            peak = PeakMemory(base.device)
            seconds = [timed(lambda: base.predict(noisy, TIMESTEP)) for _ in range(rounds + 2)]
            costs.append(Cost(name, statistics.median(seconds[2:]), peak.bytes))
        torch.cuda.empty_cache()
    return costs


def timed(work: Callable[[], object]) -> float:
    """Seconds of a piece of work by the GPU's own clock."""
    began, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    began.record()
    work()
    ended.record()
    ended.synchronize()
    return float(began.elapsed_time(ended)) / 1000


def training(base: DenoiserBase, *, rounds: int) -> Cost:
    """A training step of an adapter by the base's own recipe, one clip."""
    torch.cuda.empty_cache()
    peak = PeakMemory(base.device)
    with TemporaryDirectory() as folder:
        steps = fixed_trainer(base, FixedExamples(random_latents(base).cpu()), rounds + 2, Path(folder)).fit()
        seconds = [seconds_of_next_step(steps) for _ in range(rounds + 2)]
        cost = Cost("training step", statistics.median(seconds[2:]), peak.bytes)
        for _ in steps:
            pass
    return cost


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bases", nargs="*", default=list(BASES))
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--most", type=int, default=4, help="adapters at once")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("this needs a GPU with CUDA; `python -m engine.full_size` measures on the processor")
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, bfloat16, medians of {options.rounds}")  # noqa: T201
    for name in options.bases:
        base = full_base(name)
        clip = base.spec.clip
        print(f"\n{name}, {clip.frames} frames of {clip.width}x{clip.height}\n", flush=True)  # noqa: T201
        print("| step | milliseconds | ratio | most memory |\n|---|---|---|---|")  # noqa: T201
        costs = denoising(base, most=options.most, rounds=options.rounds)
        for cost in (*costs, training(base, rounds=options.rounds)):
            ratio = cost.seconds / costs[0].seconds
            size = f"{cost.memory / 1e9:.2f} GB"
            print(f"| {cost.name} | {cost.seconds * 1000:.1f} | {ratio:.3f} | {size} |", flush=True)  # noqa: T201
        need = counted(name)
        total = (need.weights + need.adapter + need.saved + need.transient) / 1e9
        print(f"\ncounted for the training step: {total:.2f} GB, without the device's own", flush=True)  # noqa: T201
        del base
        torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
