"""The effect meter: how much of the picture each adapter moved in a run, for one more forward pass per adapter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from engine.adapters.attach import attached

if TYPE_CHECKING:
    from torch import Tensor

    from engine.adapters.composition import Composition
    from engine.bases.base import Base
    from engine.sampling.sampler import Step
    from engine.sampling.schedule import Schedule

MOVED = 0.1  # of the photo's own deviation: a change of less can not be seen in a moving picture
NOTHING = 0.005  # share of the picture below which an adapter did nothing worth naming


@dataclass(frozen=True)
class AdapterEffect:
    """What one adapter did.

    Args:
        index: its place in the composition.
        moved: share of the picture, 0 to 1, that some frame shows otherwise than without the adapter.
        strength: size of the change over the whole clip, in deviations of the photo.
    """

    index: int
    moved: float
    strength: float

    @property
    def nothing(self) -> bool:
        """Whether the adapter left the picture as it is."""
        return self.moved < NOTHING


class EffectMeter:
    """Watches a run, then compares its middle step with what the base thinks there without each adapter.

    "Without" means that the adapter's tensors are silent; where it has an implicit prompt, the base's words stay away.

    Args:
        steps: of the run.
    """

    def __init__(self, steps: int) -> None:
        self._middle = steps // 2
        self._seen: Step | None = None

    def __call__(self, step: Step) -> None:
        """See a step of the run; to be given to `Sampler.sample` as `watch`."""
        if step.index == self._middle:
            self._seen = step

    @torch.no_grad()
    def measure(self, base: Base, composition: Composition, *, schedule: Schedule) -> tuple[AdapterEffect, ...]:
        """The effect of each adapter of the run; nothing if the run did not come to its middle.

        Args:
            base: without adapters.
            composition: the run's.
            schedule: the run's.
        """
        step = self._seen
        if step is None:
            return ()
        silent = enumerate(weight == 0 for _, weight in composition.entries)
        return tuple(
            AdapterEffect(index, 0.0, 0.0) if mute else _effect(base, composition.without(index), schedule, step, index)
            for index, mute in silent
        )


def _effect(base: Base, without: Composition, schedule: Schedule, step: Step, index: int) -> AdapterEffect:
    timestep = torch.full((step.noisy.shape[0],), step.timestep, device=step.noisy.device)
    with attached(base, without):
        output = base.predict(step.noisy, timestep)
    change = step.clean - schedule.to_clean(output, step.noisy, timestep)
    moved, strength = changed_share(change, step.noisy[:, :, :1])
    return AdapterEffect(index, moved, strength)


def changed_share(change: Tensor, first: Tensor) -> tuple[float, float]:
    """Share of places that a change shows at, and its size, both measured against the photo's deviation.

    Args:
        change: b c f h w; frame 0 does not count.
        first: b c 1 h w, the clean photo.
    """
    scale = first.var(dim=(-2, -1), keepdim=True).mean(dim=1, keepdim=True).sqrt().clamp(min=1e-6)
    size = change[:, :, 1:].square().mean(dim=1, keepdim=True).sqrt() / scale
    if size.shape[2] == 0:
        return 0.0, 0.0
    moved = (size.amax(dim=2) > MOVED).float().mean()
    return float(moved), float(size.square().mean().sqrt())
