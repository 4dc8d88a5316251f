"""The paper's bases at full size on a GPU: `python -m engine.full_size_gpu`.

One denoising step with 0 to 4 adapters, and one training step, with random weights: what a step costs does not depend
on what it makes. Measured memory stands beside what `mivactl bench --counted` counts from shapes.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
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
    from engine.counting.blueprint import Blueprint

DEVICE: Final = "cuda"
BASES: Final = ("animatediff-v3", "wan2.1-t2v-1.3b")
TIMESTEP: Final = 500.0
WARM_UP: Final = 2
"""Rounds that do not count."""
RECOMPUTED: Final = ", with gradient checkpointing"


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


def full_base(plan: Blueprint, device: str = DEVICE) -> DenoiserBase:
    """A base of the paper in bfloat16 with random weights."""
    return assemble(plan, random_weights(in_format(plan.denoiser, torch.bfloat16), device))


def random_latents(base: DenoiserBase) -> Tensor:
    """Latents of one clip of the base's own shape."""
    shape = latent_shape(base.spec.clip, base.spec.latent)
    return torch.randn(1, shape.channels, shape.frames, shape.height, shape.width)


@torch.no_grad()
def denoising(base: DenoiserBase, *, most: int, rounds: int) -> list[Cost]:
    """One step with 0 to `most` adapters each, all at equal weights."""
    noisy = random_latents(base).to(base.device)
    costs = []
    for name, adapters in variants(base, most).items():
        with adapters:
            peak = PeakMemory(base.device)
            seconds = [timed(lambda: base.predict(noisy, TIMESTEP), base.device) for _ in range(rounds + WARM_UP)]
            costs.append(Cost(name, statistics.median(seconds[WARM_UP:]), peak.bytes))
    return costs


def timed(work: Callable[[], object], device: torch.device) -> float:
    """Seconds until a piece of work is done on a device."""
    _wait_for(device)
    began = time.perf_counter()
    work()
    _wait_for(device)
    return time.perf_counter() - began


def training(base: DenoiserBase, *, rounds: int, recompute: bool) -> Cost:
    """A training step of an adapter by the base's own recipe, one clip.

    Args:
        base: it stands on.
        rounds: that count.
        recompute: with gradient checkpointing.
    """
    _free(base.device)
    peak = PeakMemory(base.device)
    wish = f"run.gradient_checkpointing={str(recompute).lower()}"
    with TemporaryDirectory() as folder:
        trainer = fixed_trainer(base, FixedExamples(random_latents(base)), rounds + WARM_UP, Path(folder), wish)
        steps = trainer.fit()
        seconds = [seconds_of_next_step(steps) for _ in range(rounds + WARM_UP)]
        cost = Cost(f"training step{RECOMPUTED * recompute}", statistics.median(seconds[WARM_UP:]), peak.bytes)
        for _ in steps:
            pass
    return cost


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _free(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.empty_cache()


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
        base = full_base(blueprint(name))
        clip = base.spec.clip
        print(f"\n{name}, {clip.frames} frames of {clip.width}x{clip.height}\n", flush=True)  # noqa: T201
        print("| step | milliseconds | ratio | most memory |\n|---|---|---|---|")  # noqa: T201
        costs = denoising(base, most=options.most, rounds=options.rounds)
        trained = (training(base, rounds=options.rounds, recompute=recompute) for recompute in (False, True))
        for cost in (*costs, *trained):
            ratio = cost.seconds / costs[0].seconds
            size = f"{cost.memory / 1e9:.2f} GB"
            print(f"| {cost.name} | {cost.seconds * 1000:.1f} | {ratio:.3f} | {size} |", flush=True)  # noqa: T201
        need = counted(name)
        total = (need.weights + need.adapter + need.saved + need.transient) / 1e9
        print(f"\ncounted with checkpointing: {total:.2f} GB, without the device's own", flush=True)  # noqa: T201
        del base
        _free(torch.device(DEVICE))


if __name__ == "__main__":
    main()
