"""The way of the mask streams beside the pictures: in a few steps they say where the subject is (MIVA 3.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from engine.bases.call import beside_each_other
from engine.bases.regions import Regions
from engine.run_settings import USUAL_EVALUATIONS
from engine.sampling.first_frame import hold_first_frame
from engine.sampling.mask_decoder import as_clip, stretched, to_cells
from engine.sampling.mask_steps import mask_steps
from engine.sampling.solvers import first_order_step
from registry_schema.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float
    from torch import Tensor

    from engine.bases.base import Base
    from engine.sampling.mask_decoder import MaskDecoder
    from engine.sampling.schedule import Schedule


@dataclass(frozen=True)
class FirstMasks:
    """What is given of the masks: those of the photo, one for each mask stream.

    Args:
        latents: b m c 1 h w, clean.
        confidence: b m h w, at the size of the latents.
    """

    latents: Float[Tensor, "b m c 1 h w"]
    confidence: Float[Tensor, "b m h w"]

    @classmethod
    def of(cls, base: Base, masks: Sequence[Float[Tensor, "h w"]]) -> FirstMasks:
        """Of masks in 0..1 at the size of the base's frame, for one photo.

        Raises:
            UsageProblem: there is none.
        """
        if not masks:
            raise UsageProblem("a run with masks, and no mask")
        frames = torch.stack(list(masks))[:, None].to(base.device, torch.float32)
        latents = base.encode(as_clip(frames))
        return cls(latents[None], to_cells(frames, latents.shape[2:])[None, :, 0])

    @property
    def count(self) -> int:
        """How many mask streams there are."""
        return self.confidence.shape[1]


@dataclass
class MaskGuidance:
    """The masks of a run.

    Args:
        first: of the photo.
        decoder: reads predicted masks.
        evaluations: how often masks are predicted.
        clean: the masks of the last evaluation, (b m) c f h w; None before the first.
    """

    first: FirstMasks
    decoder: MaskDecoder
    evaluations: int = USUAL_EVALUATIONS
    clean: Tensor | None = None


class MaskWalk:
    """The way of one batch's mask streams from noise to clean, in steps of its own.

    Args:
        base: with masked adapters attached.
        schedule: the run's.
        guidance: its masks; is told of each prediction.
        steps: of the run.
        start: start latents of the masks, (b m) c f h w.
    """

    def __init__(self, base: Base, schedule: Schedule, guidance: MaskGuidance, *, steps: int, start: Tensor) -> None:
        self._base, self._schedule, self._guidance = base, schedule, guidance
        self._timesteps, self._levels = schedule.timesteps(steps), schedule.levels(steps)
        self._due = mask_steps(steps, guidance.evaluations)
        self._noisy = start
        self.regions: Regions | None = None

    def predict(self, noisy: Float[Tensor, "b c f h w"], index: int) -> Float[Tensor, "b c f h w"]:
        """The base's answer for the pictures at a step; masks are refreshed right after it where they are due."""
        timestep = self._timesteps[index]
        if index not in self._due:
            return self._base.predict(noisy, timestep, regions=self.regions)
        batch, masks = noisy.shape[0], self._guidance.first.count
        own = self._noisy.unflatten(0, (batch, masks)).unbind(1)
        rows = beside_each_other([noisy, *own], batch)
        output = self._base.predict(rows, timestep, streams=1 + masks, regions=self.regions)
        streams = output.unflatten(0, (batch, 1 + masks))
        self._take(streams[:, 1:].flatten(0, 1), index)
        return streams[:, 0]

    def _take(self, output: Tensor, index: int) -> None:
        """Read the masks from a prediction, and go on to the level of the next."""
        timestep = torch.full((output.shape[0],), self._timesteps[index], device=output.device)
        first = self._guidance.first.latents.flatten(0, 1)
        clean = hold_first_frame(self._schedule.to_clean(output, self._noisy, timestep), first)
        noise = self._schedule.to_noise(output, self._noisy, timestep)
        self._guidance.clean = clean
        self.regions = predicted_regions(clean, self._guidance.first.confidence, self._guidance.decoder)
        later = [due for due in self._due if due > index]
        level = self._levels[later[0]] if later else self._levels[-1]
        self._noisy = hold_first_frame(first_order_step(clean, noise, to=level), first)


def predicted_regions(
    clean: Float[Tensor, "r c f h w"], first: Float[Tensor, "b m h w"], decoder: MaskDecoder
) -> Regions:
    """Where the subjects are by predicted latents; in frame 0 by what is given.

    Args:
        clean: of all masks, those of a clip together.
        first: the masks of frame 0.
        decoder: reads the others.
    """
    later = stretched(decoder.confidence(clean)).unflatten(0, first.shape[:2])
    return Regions(torch.cat([first[:, :, None].to(later), later[:, :, 1:]], dim=2))
