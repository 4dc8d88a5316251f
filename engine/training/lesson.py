"""What one step of a training learns from: a batch of clips, or of clips and their masks in a row of noise levels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

import torch

from engine.bases.call import beside_each_other
from engine.bases.regions import Regions
from engine.sampling.mask_walk import predicted_regions
from engine.sampling.schedule import schedule_of
from engine.training.draws import fractions_of, noise_of, numbers_for
from engine.training.sample_loss import sample_loss

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jaxtyping import Float
    from torch import Tensor

    from engine.bases.base import Base
    from engine.recipe import TrainRecipe
    from engine.sampling.mask_decoder import MaskDecoder
    from engine.training.masked_latents import MaskedClips
    from engine.training.objective import Objective
    from engine.training.sample_loss import Examples


class MaskedExamples(Protocol):
    """Where a trainer gets clips with masks from."""

    @property
    def digest(self) -> str:
        """Changes with anything that `batch` may give."""

    def batch(self, seed: int, samples: range) -> MaskedClips:
        """These samples of a run, counted from its first one; a pure function."""


class Lesson(Protocol):
    """The loss of a batch, and what it keeps from step to step."""

    carried: dict[str, Tensor]

    @property
    def digest(self) -> str:
        """Of what it is learnt from."""

    def loss(self, step: int, samples: range) -> Tensor:
        """The loss of some of a step's samples, counted from the run's first one."""


class PlainLesson:
    """Clips alone, each at a noise level of its own.

    Args:
        base: with the adapter attached.
        examples: latents of the clips.
        objective: what is fed to the base, and what its answer costs.
        seed: of the run.
    """

    def __init__(self, base: Base, examples: Examples, objective: Objective, *, seed: int) -> None:
        self._base, self._examples, self._objective, self._seed = base, examples, objective, seed
        self.carried: dict[str, Tensor] = {}

    @property
    def digest(self) -> str:
        """Of the clips."""
        return self._examples.digest

    def loss(self, step: int, samples: range) -> Tensor:
        """See `Lesson`."""
        del step
        clean = self._examples.batch(self._seed, samples)
        noise = noise_of(self._seed, samples, tuple(clean.shape[1:]))
        fractions = fractions_of(self._seed, samples)
        return sample_loss(self._base, self._objective, clean, noise=noise, fractions=fractions)


class MaskedLesson:
    """Clips and their masks. Several steps in a row take the same clip, from noisy to clean, with fresh noise each.

    The first step of a row knows no masks, as the first of a run does; each other one is told the true masks or those
    that the step before predicted, through which no gradient flows. Frame 0 of both streams is not judged.

    Args:
        base: with the masked adapter attached.
        examples: latents of the clips and of their masks.
        objective: what is fed to the base, and what its answer costs.
        decoder: reads predicted masks.
        recipe: every choice.

    Source: MIVA 3.4 and `train_step` of the authors' code.
    """

    def __init__(
        self,
        base: Base,
        examples: MaskedExamples,
        objective: Objective,
        decoder: MaskDecoder,
        recipe: TrainRecipe,
    ) -> None:
        self._base, self._examples, self._objective = base, examples, objective
        self._decoder, self._recipe = decoder, recipe
        self._schedule = schedule_of(base.spec.noise_schedule)
        self.carried: dict[str, Tensor] = {}

    @property
    def digest(self) -> str:
        """Of the clips and masks."""
        return self._examples.digest

    def loss(self, step: int, samples: range) -> Tensor:
        """See `Lesson`."""
        seed, device, turns = self._recipe.run.seed, self._base.device, self._recipe.masks.timesteps
        row, turn = divmod(step, turns)
        clips = self._clips_of(step, row, samples)
        given = self._examples.batch(seed, clips)
        clean = given.latents.to(device)
        batch, shape = clean.shape[0], tuple(clean.shape[2:])
        noise = beside_each_other(
            [noise_of(seed, samples, shape), noise_of(seed, samples, shape, kind="mask noise")], batch
        ).to(device)
        timestep = self._timesteps(clips, turn).repeat_interleave(2).to(device)
        rows = clean.flatten(0, 1)
        noisy = self._objective.noisy(rows, noise, timestep)
        truth = given.confidence.to(device)
        regions = None if turn == 0 else self._regions(step, samples, truth)
        predicted = self._base.predict(noisy, timestep, streams=2, regions=regions)
        if turn + 1 < turns:
            masks = (tensor.detach()[1::2] for tensor in (predicted, noisy, timestep))
            self._carry(step, samples, truth, self._schedule.to_clean(*masks))
        return self._objective.loss(predicted, rows, noise, timestep)

    def _clips_of(self, step: int, row: int, samples: range) -> range:
        """Which clips: those of the row's first step."""
        choice = self._recipe.optimiser
        each = choice.batch * choice.accumulate
        first = row * each + samples.start - step * each
        return range(first, first + len(samples))

    def _timesteps(self, clips: range, turn: int) -> Float[Tensor, "b"]:
        """The noise levels of this turn: for each clip as many distinct ones as there are turns, noisiest first."""
        seed, turns, levels = self._recipe.run.seed, self._recipe.masks.timesteps, self._schedule.train_steps
        drawn = [torch.randperm(levels, generator=numbers_for(seed, "timesteps", clip))[:turns] for clip in clips]
        rows = [self._objective.timesteps((places + 0.5) / levels).sort(descending=True).values for places in drawn]
        return torch.stack([row[turn] for row in rows])

    def _regions(self, step: int, samples: range, truth: Float[Tensor, "b f h w"]) -> Regions:
        """The true masks, or those predicted in the step before; drawn for each sample."""
        place = self._place(step, samples)
        predicted = self.carried.get(place)
        if predicted is None or self._recipe.masks.truth == "always":
            return Regions(truth[:, None])
        share = truth_share(step, self._recipe.optimiser.steps)
        seed = self._recipe.run.seed
        drawn = [float(torch.rand((), generator=numbers_for(seed, "truth", sample))) for sample in samples]
        true = torch.tensor([number < share for number in drawn], device=truth.device)[:, None, None, None]
        return Regions(torch.where(true, truth, predicted.to(truth))[:, None])

    @torch.no_grad()
    def _carry(self, step: int, samples: range, truth: Tensor, clean: Tensor) -> None:
        regions = predicted_regions(clean.float(), truth[:, None, 0], self._decoder)
        self.carried[self._place(step, samples)] = regions.confidence[:, 0]

    def _place(self, step: int, samples: range) -> str:
        """Which of a step's batches, of those whose gradients are added up."""
        choice = self._recipe.optimiser
        return str(samples.start - step * choice.batch * choice.accumulate)


def truth_share(step: int, steps: int) -> float:
    """How often a step is told the true masks: always at first, never at the end.

    Source: MIVA 3.4: p(n) = (1 + cos(pi n / N)) / 2.
    """
    return (1 + math.cos(math.pi * step / steps)) / 2


def restored(carried: Mapping[str, Tensor], device: torch.device) -> dict[str, Tensor]:
    """What a lesson kept, from a saved state."""
    return {place: tensor.to(device) for place, tensor in carried.items()}
