"""Every random choice of a training run, as a pure function of (seed, sample): a resumed run replays nothing.

A sample is a place in the whole run: with n samples to a step, step s takes the samples s n, ..., s n + n - 1, whatever
batches they are split into.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from engine.device import draw_noise, mixed_seed

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor


def numbers_for(*parts: int | str) -> torch.Generator:
    """Random numbers that belong to these parts and to nothing else; drawn on the CPU."""
    return torch.Generator().manual_seed(mixed_seed(*parts))


@dataclass(frozen=True)
class WindowChoice:
    """One training example: the clip, which of its windows, and whether it is mirrored."""

    clip: int
    window: int
    flipped: bool


def window_choice(seed: int, sample: int, windows: tuple[int, ...], *, flip: bool) -> WindowChoice:
    """The training example of a sample.

    Every clip comes once before one comes again; its window is drawn anew each time.

    Args:
        seed: of the run.
        sample: counted from the first one of the run.
        windows: how many windows each clip has.
        flip: mirror half of the examples.
    """
    turn, place = divmod(sample, len(windows))
    clip = int(torch.randperm(len(windows), generator=numbers_for(seed, "order", turn))[place])
    numbers = numbers_for(seed, "window", sample)
    window = int(torch.randint(windows[clip], (), generator=numbers))
    return WindowChoice(clip=clip, window=window, flipped=flip and bool(torch.randint(2, (), generator=numbers)))


def noise_of(seed: int, samples: range, shape: tuple[int, ...], *, kind: str = "noise") -> Float[Tensor, "b c f h w"]:
    """Gaussian noise for these samples; a sample's noise does not depend on the batch it is in.

    Args:
        seed: of the run.
        samples: counted from the first one of the run.
        shape: c f h w.
        kind: another word is other noise.
    """
    return torch.stack([draw_noise(shape, seed=mixed_seed(seed, kind, sample)) for sample in samples])


def fractions_of(seed: int, samples: range) -> Float[Tensor, "b"]:
    """One number in [0, 1) for each sample: where on the noise schedule it is trained."""
    drawn = [torch.rand((), generator=numbers_for(seed, "timestep", sample)) for sample in samples]
    return torch.stack(drawn)


def adapter_weight(seed: int, step: int, *, least: float) -> float:
    """The weight an adapter has in a composition while it is trained in this step: evenly from `least` to 1."""
    return least + (1 - least) * float(torch.rand((), generator=numbers_for(seed, "weight", step)))
