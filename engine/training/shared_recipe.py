"""A recipe for several processes: what one process would have to do to learn the same. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from registry_schema.errors import UsageProblem

if TYPE_CHECKING:
    from engine.recipe import TrainRecipe


def shared_recipe(recipe: TrainRecipe, processes: int, *, keep_steps: bool = False) -> TrainRecipe:
    """The recipe of a run on so many processes.

    Every process takes the batches of the recipe, so a step accumulates that many times as many; there are as many
    steps fewer, so that the run sees as many samples. One process with this recipe gives the same adapter, to rounding.

    Args:
        recipe: as a person wrote it, for one process.
        processes: at least 1.
        keep_steps: take as many steps all the same.

    Raises:
        UsageProblem: the adapter is masked; masks predicted in one process are not known to another.
    """
    if processes > 1 and recipe.masked:
        raise UsageProblem(
            f"a masked adapter is trained on one device, expected 1 process, found {processes}",
            hint="leave out `--gpus`, or train without `--masked`",
        )
    choice = recipe.optimiser
    fewer = 1 if keep_steps else processes
    optimiser = choice.model_copy(
        update={
            "accumulate": choice.accumulate * processes,
            "steps": math.ceil(choice.steps / fewer),
            "warmup": math.ceil(choice.warmup / fewer),
        }
    )
    return recipe.model_copy(update={"optimiser": optimiser})
