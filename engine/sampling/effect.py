"""The effect meter: how much of the picture each adapter moved in a run.

It costs one more forward pass and one decoding for each adapter. Pictures are compared, not latents: what a number in a
latent looks like is the autoencoder's affair.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from engine.adapters.attach import attached
from engine.sampling.first_frame import hold_first_frame

if TYPE_CHECKING:
    from torch import Tensor

    from engine.adapters.composition import Composition
    from engine.bases.base import Base
    from engine.sampling.sampler import Step
    from engine.sampling.schedule import Schedule

VISIBLE = 8 / 127.5  # eight levels of 255, mean over the colours: less can hardly be seen in a moving picture
NOTHING = 0.005  # share of the picture below which an adapter did nothing worth naming


@dataclass(frozen=True)
class AdapterEffect:
    """What one adapter did.

    Args:
        index: its place in the composition.
        moved: share of the picture, 0 to 1, that some frame shows visibly otherwise than without the adapter.
    """

    index: int
    moved: float

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

    @property
    def seen(self) -> Step | None:
        """The run's middle step; None before it was reached."""
        return self._seen

    def measure(self, base: Base, composition: Composition, *, schedule: Schedule) -> tuple[AdapterEffect, ...]:
        """The effect of each adapter of the run; nothing if the run did not come to its middle.

        Args:
            base: without adapters.
            composition: the run's.
            schedule: the run's.
        """
        return () if self._seen is None else measured(base, composition, self._seen, schedule=schedule)


@torch.no_grad()
def measured(base: Base, composition: Composition, step: Step, *, schedule: Schedule) -> tuple[AdapterEffect, ...]:
    """The effect of each adapter at one step of a run; see `EffectMeter.measure`."""
    shown = base.decode(_beginning_with_the_photo(step.clean, step))
    effects = []
    for index, (_, weight) in enumerate(composition.entries):
        if weight == 0:
            without = shown
        else:
            mask = composition.mask_of(index)
            regions = step.regions if mask is None or step.regions is None else step.regions.without(mask)
            without = _shown_without(base, composition.without(index), schedule, replace(step, regions=regions))
        effects.append(AdapterEffect(index, changed_share(shown - without)))
    return tuple(effects)


def _shown_without(base: Base, without: Composition, schedule: Schedule, step: Step) -> Tensor:
    """Pixels b 3 f h w of what the base thinks at `step` with fewer adapters."""
    timestep = torch.full((step.noisy.shape[0],), step.timestep, device=step.noisy.device)
    # one pass with fewer adapters is not worth compiled code of its own
    with base.uncompiled(), attached(base, without):
        output = base.predict(step.noisy, timestep, regions=step.regions)
    return base.decode(_beginning_with_the_photo(schedule.to_clean(output, step.noisy, timestep), step))


def _beginning_with_the_photo(clean: Tensor, step: Step) -> Tensor:
    return hold_first_frame(clean, step.noisy[:, :, :1])


def changed_share(change: Tensor) -> float:
    """Share of places, 0 to 1, at which a change of pixels b 3 f h w shows in some frame; frame 0 does not count."""
    size = change[:, :, 1:].abs().mean(dim=1)
    if size.shape[1] == 0:
        return 0.0
    return float((size.amax(dim=1) > VISIBLE).float().mean())
