"""What adapters cost in time and memory: every variant in turns in one run, as ratios to the base."""

from __future__ import annotations

import os
import statistics
import time
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from engine.adapters.attach import attached
from engine.adapters.composition import Composition
from engine.animation.generation import encode_frame
from engine.bases.catalog import load_base
from engine.benchmark import random_adapter, time_step
from engine.counting.operations import count_operations
from engine.device import choose_device, choose_dtype
from engine.progress import SilentProgress
from engine.sampling.sampler import Sampler, SamplerSettings
from engine.shapes import latent_frames, latent_shape
from engine.video.clip_tensor import to_frames

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from engine.adapters.miva import MivaAdapter
    from engine.bases.base import Base
    from engine.progress import Phase, Progress


@dataclass(frozen=True)
class SpeedRequest:
    """What is timed: a base's folder, adapters in the largest composition, rounds of steps and of whole clips."""

    base: Path
    most: int
    rounds: int
    clips: int


@dataclass(frozen=True)
class Timed:
    """Seconds of each round, and how the rounds spread."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Of the rounds."""
        return statistics.median(self.seconds)

    @property
    def quartiles(self) -> tuple[float, float]:
        """The middle half of the rounds."""
        low, high = np.percentile(self.seconds, [25, 75])
        return float(low), float(high)


@dataclass(frozen=True)
class SpeedRow:
    """One variant.

    Attributes:
        adapters: how many are on the base.
        step: one denoising step.
        clip: from a picture to frames: coding, all steps, decoding; None if no clip was timed.
        operations: of a step, counted by torch.
        peak_bytes: of the card's memory in a step; None on a processor.
    """

    adapters: int
    step: Timed
    clip: Timed | None
    operations: int
    peak_bytes: int | None


@dataclass(frozen=True)
class SpeedResult:
    """All variants, the bare base first, and what they ran on."""

    base: str
    device: str
    dtype: str
    threads: int
    cores: int
    steps: int
    torch_version: str
    rows: tuple[SpeedRow, ...]


def measure_speed(request: SpeedRequest, progress: Progress | None = None) -> SpeedResult:
    """Time everything; the first round of each variant warms up and is not counted.

    Raises:
        NotFound, IntegrityProblem: the base.
    """
    device = choose_device()
    base = load_base(request.base, device=device, dtype=choose_dtype(device))
    adapters = [random_adapter(base, seed) for seed in range(request.most)]
    counts = range(request.most + 1)
    total = len(counts) * (request.rounds + 1 + (request.clips + 1 if request.clips else 0))
    with torch.no_grad(), (progress or SilentProgress()).phase("timing", total) as phase:
        operations, peaks = _counted(base, adapters, phase)
        steps = _timed_steps(base, adapters, request.rounds, phase)
        clips = _timed_clips(base, adapters, request.clips, phase)
    return SpeedResult(
        base=str(base.spec.name),
        device=device.type,
        dtype=str(base.dtype).removeprefix("torch."),
        threads=torch.get_num_threads(),
        cores=os.cpu_count() or 1,
        steps=base.spec.sampling.steps,
        torch_version=torch.__version__,
        rows=tuple(
            SpeedRow(
                count,
                Timed(tuple(steps[count])),
                Timed(tuple(clips[count])) if clips[count] else None,
                operations[count],
                peaks[count],
            )
            for count in counts
        ),
    )


def _counted(base: Base, adapters: Sequence[MivaAdapter], phase: Phase) -> tuple[dict[int, int], dict[int, int | None]]:
    """Operations and memory of a step of each variant; this warms them up."""
    noisy, timestep = _inputs(base)
    operations: dict[int, int] = {}
    peaks: dict[int, int | None] = {}
    for count in range(len(adapters) + 1):
        with _with(base, adapters[:count]):
            operations[count] = count_operations(base, noisy, timestep)
            peaks[count] = _peak(base)
        phase.advance()
    return operations, peaks


def _timed_steps(base: Base, adapters: Sequence[MivaAdapter], rounds: int, phase: Phase) -> dict[int, list[float]]:
    """Seconds of steps, every variant once in each round."""
    noisy, timestep = _inputs(base)
    seconds: dict[int, list[float]] = {count: [] for count in range(len(adapters) + 1)}
    for _ in range(rounds):
        for count, times in seconds.items():
            with _with(base, adapters[:count]):
                times.append(time_step(base, noisy, timestep))
            phase.advance()
    return seconds


def _timed_clips(base: Base, adapters: Sequence[MivaAdapter], rounds: int, phase: Phase) -> dict[int, list[float]]:
    """Seconds of whole clips, likewise; the first round is not counted."""
    seconds: dict[int, list[float]] = {count: [] for count in range(len(adapters) + 1)}
    for turn in range(rounds + 1 if rounds else 0):
        for count, times in seconds.items():
            taken = _time_clip(base, adapters[:count])
            if turn > 0:
                times.append(taken)
            phase.advance()
    return seconds


def _with(base: Base, adapters: Sequence[MivaAdapter]) -> AbstractContextManager[object]:
    return attached(base, Composition.of(*adapters)) if adapters else nullcontext()


def _inputs(base: Base) -> tuple[torch.Tensor, torch.Tensor]:
    shape = latent_shape(base.spec.clip, base.spec.latent)
    generator = torch.Generator().manual_seed(0)
    noisy = torch.randn(1, shape.channels, shape.frames, shape.height, shape.width, generator=generator)
    return noisy.to(base.device), torch.tensor([500.0], device=base.device)


def _peak(base: Base) -> int | None:
    """The most memory that a step takes on a card."""
    if base.device.type != "cuda":
        return None
    noisy, timestep = _inputs(base)
    torch.cuda.reset_peak_memory_stats()
    base.predict(noisy, timestep)
    return torch.cuda.max_memory_allocated()


def _time_clip(base: Base, adapters: Sequence[MivaAdapter]) -> float:
    clip = base.spec.clip
    picture = np.random.default_rng(0).integers(0, 255, (clip.height, clip.width, 3), dtype=np.uint8)
    settings = SamplerSettings.of(base.spec.sampling, frames=latent_frames(clip.frames, base.spec.latent))
    began = time.perf_counter()
    with _with(base, adapters):
        latents = Sampler(base, settings).sample(encode_frame(base, picture), seed=0)
    to_frames(base.decode(latents)[0])
    return time.perf_counter() - began
