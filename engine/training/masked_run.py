"""What a run with masks has that one without does not: masks for its clips, their decoder, and no looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.sampling.mask_decoder import mask_decoder
from engine.shapes import latent_shape
from engine.training.masked_latents import MaskedLatentSet
from registry_schema.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

    from engine.bases.base import Base
    from engine.progress import Progress
    from engine.recipe import TrainRecipe
    from engine.sampling.mask_decoder import MaskDecoder
    from engine.training.latent_set import LatentSet


def require_masks(masks: Mapping[str, Tensor] | None, recipe: TrainRecipe) -> None:
    """Refuses a masked recipe without masks, and masks without one.

    Raises:
        UsageProblem: one of both.
    """
    if recipe.masked and masks is None:
        raise UsageProblem(
            "the recipe makes a masked adapter, and the clips have no masks",
            hint="`mivactl mask CLIPS/ --for NAME` makes masks; or train without `--masked`",
        )
    if masks is not None and not recipe.masked:
        raise UsageProblem(
            "there are masks of the clips, and the recipe makes an adapter without a mask stream",
            hint="pass `--masked`",
        )


def watchable(recipe: TrainRecipe, photos: Sequence[Path], progress: Progress) -> TrainRecipe:
    """The recipe without looks where the adapter is masked: neither their loss nor their previews know masks.

    Args:
        recipe: every choice.
        photos: to preview on.
        progress: told where somebody asked for looks.
    """
    if not recipe.masked or not (recipe.evaluation.times or photos):
        return recipe
    progress.note("a masked adapter is not looked at while it learns: its last weights are kept")
    return recipe.model_copy(update={"evaluation": recipe.evaluation.model_copy(update={"times": 0})})


def with_masks(pictures: LatentSet, masks: Mapping[str, Tensor] | None) -> LatentSet | MaskedLatentSet:
    """The examples of a run.

    Raises:
        UsageProblem: see `MaskedLatentSet`.
    """
    return pictures if masks is None else MaskedLatentSet(pictures, masks)


def decoder_of(base: Base, recipe: TrainRecipe) -> MaskDecoder | None:
    """What makes masks of predicted latents; None for a plain adapter."""
    if not recipe.masked:
        return None
    return mask_decoder(recipe.masks.decoder, base, latent_shape(base.spec.clip, base.spec.latent))
