"""What masks cost on this machine, as a ratio to a run of the base alone: `python -m engine.mask_benchmark`.

The kinds of steps that a run with masks has are timed in turns, so that a busy machine is busy for all of them, and put
together to runs of 50 steps. Reading masks from latents is timed apart and is part of the measured ratio; decoding the
clip is not. Operations are counted by torch and do not depend on the machine.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import torch

from engine.adapters.attach import attached
from engine.adapters.composition import Composition
from engine.bases.catalog import load_base
from engine.benchmark import random_adapter
from engine.counting.operations import count_operations
from engine.device import choose_device, choose_dtype
from engine.sampling.mask_decoder import mask_decoder, moving_discs
from engine.sampling.mask_steps import mask_steps
from engine.sampling.mask_walk import FirstMasks, predicted_regions
from engine.shapes import latent_shape

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.bases.base import Base

STEPS: Final = 50
AT_MOST: Final = 1.15
"""Of a measured ratio to its own counted one."""


@dataclass(frozen=True)
class Kinds:
    """One number for each kind of step of a run: of the bare base, and of its masked adapter."""

    base: float
    first: float
    evaluation: float
    pictures: float

    def ratio(self, evaluations: int, *, reading: float = 0.0) -> float:
        """Of a run with so many evaluations to one of the base."""
        count = len(mask_steps(STEPS, evaluations))
        total = self.first + (count - 1) * self.evaluation + (STEPS - count) * self.pictures + count * reading
        return total / (STEPS * self.base)


@dataclass(frozen=True)
class MaskTimes:
    """Seconds and operations of each kind of step, and the seconds of reading masks once."""

    seconds: Kinds
    operations: Kinds
    reading: float

    def excess(self, evaluations: int) -> float:
        """The measured ratio over the counted one."""
        return self.seconds.ratio(evaluations, reading=self.reading) / self.operations.ratio(evaluations)


@torch.no_grad()
def measure(base: Base, *, rounds: int) -> MaskTimes:
    """Medians over `rounds` rounds after one that does not count."""
    shape = latent_shape(base.spec.clip, base.spec.latent)
    clip = base.spec.clip
    first = FirstMasks.of(base, moving_discs(2, clip.height, clip.width)[:1].unbind(0))
    noisy = torch.randn(2, shape.channels, shape.frames, shape.height, shape.width, device=base.device)
    decoder = mask_decoder("auto", base, shape)
    regions = predicted_regions(noisy[1:], first.confidence, decoder)
    timesteps = torch.full((2,), 500.0, device=base.device)
    adapters = Composition.of(random_adapter(base, seed=1, masked=True))
    ways: dict[str, tuple[bool, int, bool]] = {
        "base": (False, 1, False),
        "first": (True, 2, False),
        "evaluation": (True, 2, True),
        "pictures": (True, 1, True),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    counted: dict[str, float] = {}
    reading: list[float] = []
    for turn in range(rounds + 1):
        for name, (adapted, rows, known) in ways.items():
            seen = regions if known else None
            with attached(base, adapters, timesteps=(500.0,)) if adapted else nullcontext():
                if turn == 0:
                    counted[name] = count_operations(base, noisy[:rows], timesteps[:rows], streams=rows, regions=seen)
                else:
                    seconds[name].append(
                        _timed(base, partial(base.predict, noisy[:rows], 500.0, streams=rows, regions=seen))
                    )
        if turn:
            reading.append(_timed(base, lambda: predicted_regions(noisy[1:], first.confidence, decoder)))
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    return MaskTimes(Kinds(**medians), Kinds(**counted), statistics.median(reading))


def _timed(base: Base, work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    if base.device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began


def table(times: MaskTimes) -> str:
    """The times as Markdown."""
    rows = (
        ("base", times.seconds.base, times.operations.base),
        ("pictures in their regions", times.seconds.pictures, times.operations.pictures),
        ("pictures and masks, first step", times.seconds.first, times.operations.first),
        ("pictures in their regions, and masks", times.seconds.evaluation, times.operations.evaluation),
    )
    lines = ["| step | seconds | operations (G) |", "|---|---|---|"]
    lines += [f"| {name} | {seconds:.3f} | {count / 1e9:.2f} |" for name, seconds, count in rows]
    lines += [f"| reading masks once | {times.reading:.3f} | |", ""]
    lines += [f"| masks in, of {STEPS} steps | measured ratio | counted ratio | measured / counted | at most |"]
    lines += ["|---|---|---|---|---|"]
    for count in (8, STEPS):
        measured, counted = times.seconds.ratio(count, reading=times.reading), times.operations.ratio(count)
        limit = f"{AT_MOST:.2f}" if count == 8 else "-"
        lines.append(f"| {count} | {measured:.2f} | {counted:.2f} | {times.excess(count):.2f} | {limit} |")
    return "\n".join(lines)


def main() -> None:
    """Command line of the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", default="nano", help="a packaged base or a folder")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    device = choose_device()
    base = load_base(options.base, device=device, dtype=choose_dtype(device))
    clip = base.spec.clip
    text = table(measure(base, rounds=max(options.rounds, 1)))
    threads = f"{torch.get_num_threads()} of {os.cpu_count()} cores"
    size = f"{clip.frames} frames of {clip.width}x{clip.height}"
    print(f"{base.spec.name}, {size}, {device.type}, {base.dtype}, {threads}")  # noqa: T201
    print(f"torch {torch.__version__}\n\n{text}")  # noqa: T201


if __name__ == "__main__":
    main()
