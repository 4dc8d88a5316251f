"""Clips that are never trained on, and the loss on them at noise and timesteps that never change."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import torch

from engine.training.draws import noise_of, numbers_for
from engine.training.sample_loss import sample_loss
from registry_schema.errors import UsageProblem

if TYPE_CHECKING:
    from engine.bases.base import Base
    from engine.recipe import TrainRecipe
    from engine.training.clip_dataset import ClipDataset
    from engine.training.objective import Objective
    from engine.training.sample_loss import Examples

ONE_IN: Final = 10
AUTO_AT_MOST: Final = 4


def held_out_count(clips: int, recipe: TrainRecipe) -> int:
    """How many of so many clips are kept from training.

    Raises:
        UsageProblem: none would be left.
    """
    choice = recipe.evaluation
    if choice.held_out == "auto":
        return min(clips // ONE_IN, AUTO_AT_MOST) if choice.times else 0
    if choice.held_out >= clips:
        raise UsageProblem(
            f"`evaluation.held_out` is `{choice.held_out}` of {clips} clips, expected that some are left to train on",
            hint="pass `--set evaluation.held_out=0`, or add clips",
        )
    return choice.held_out


def split_clips(dataset: ClipDataset, recipe: TrainRecipe) -> tuple[ClipDataset, ClipDataset | None]:
    """The clips to train on, and those held out; which ones is a pure function of the seed and their number.

    Raises:
        UsageProblem: see `held_out_count`.
    """
    count = held_out_count(len(dataset.clips), recipe)
    if count == 0:
        return dataset, None
    order = torch.randperm(len(dataset.clips), generator=numbers_for(recipe.run.seed, "held out")).tolist()
    kept_back = set(order[:count])
    training = tuple(clip for place, clip in enumerate(dataset.clips) if place not in kept_back)
    held_out = tuple(clip for place, clip in enumerate(dataset.clips) if place in kept_back)
    return replace(dataset, clips=training), replace(dataset, clips=held_out)


class HeldOutLoss:
    """Mean loss at fixed draws: the same windows, noise and evenly spread timesteps at every look.

    Args:
        base: with the adapter on it when the loss is asked for.
        objective: of the training.
        examples: what was held out, or the training clips where nothing was.
        recipe: says how many draws, and the seed.
    """

    def __init__(self, base: Base, objective: Objective, examples: Examples, recipe: TrainRecipe) -> None:
        self._base = base
        self._objective = objective
        self._examples = examples
        self._recipe = recipe

    @torch.no_grad()
    def __call__(self) -> float:
        """The loss now."""
        points, seed = self._recipe.evaluation.points, self._recipe.run.seed
        total = 0.0
        for point in range(points):
            sample = range(point, point + 1)
            clean = self._examples.batch(seed, sample)
            noise = noise_of(seed, range(-1 - point, -point), tuple(clean.shape[1:]))  # no sample of training has it
            fractions = torch.tensor([(point + 0.5) / points])
            total += float(sample_loss(self._base, self._objective, clean, noise=noise, fractions=fractions))
        return total / points
