"""From a recipe and a base to the `AdapterSpec` of what will be trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_schema.adapter_spec import (
    AdapterSpec,
    CrossFrameAttentionSpec,
    FixedWeighting,
    ImplicitPromptSpec,
    LearnedWeighting,
    MaskStreamSpec,
    RegionSpec,
    TemporalLoraSpec,
)
from registry_schema.errors import UsageProblem
from registry_schema.ranks import Ranks
from registry_schema.sampling import SamplingHints

if TYPE_CHECKING:
    from engine.recipe import AdapterChoice, MaskChoice, TrainRecipe
    from registry_schema.adapter_spec import Weighting
    from registry_schema.base_spec import BaseSpec


def plan_adapter(recipe: TrainRecipe, base: BaseSpec) -> AdapterSpec:
    """The spec of the adapter that this recipe trains on this base.

    Raises:
        UsageProblem: the recipe names no motion, or leaves out every part.
    """
    choice, masks = recipe.adapter, recipe.masks
    if not choice.motion:
        raise UsageProblem("recipe names no motion", hint="pass `--set adapter.motion=waterfall`, in your own words")
    ranks = _ranks(choice)
    if not ranks.model_dump(exclude_none=True):
        raise UsageProblem("recipe leaves out every part of the adapter", hint="give one of `adapter.ranks` a number")
    if recipe.masked and not ranks.cross_frame_attention:
        raise UsageProblem(
            "recipe makes a masked adapter without cross-frame attention, on which the mask stream stands",
            hint="give `adapter.ranks.cross_frame_attention` a number",
        )
    return AdapterSpec(
        base=base.base_identity,
        masked=recipe.masked,
        motion=choice.motion,
        subjects=choice.subjects,
        region=choice.region,
        ranks=ranks,
        cross_frame_attention=_cross_frame_attention(choice) if ranks.cross_frame_attention else None,
        implicit_prompt=ImplicitPromptSpec(words=choice.motion) if ranks.implicit_prompt else None,
        temporal_lora=TemporalLoraSpec(alpha=choice.alpha) if ranks.temporal_lora else None,
        mask_stream=_mask_stream(masks, ranks) if recipe.masked else None,
        clip=base.clip,
        noise_schedule=base.noise_schedule,
        sampling=_sampling(choice, base),
        motion_norm=base.motion_norm,
    )


def _ranks(choice: AdapterChoice) -> Ranks:
    chosen = choice.ranks.model_dump()
    return Ranks(**{part: None if rank == "off" else rank for part, rank in chosen.items()})


def _cross_frame_attention(choice: AdapterChoice) -> CrossFrameAttentionSpec:
    return CrossFrameAttentionSpec(
        combine=choice.combine,
        placement=choice.placement,
        rotary=choice.rotary,
        skip_first=choice.skip_first or None,
        weighting=_weighting(choice),
    )


def _weighting(choice: AdapterChoice) -> Weighting:
    if choice.weighting == "fixed":
        return FixedWeighting(first=choice.weighting_first)
    return LearnedWeighting(temperature=choice.weighting_temperature)


def _mask_stream(choice: MaskChoice, ranks: Ranks) -> MaskStreamSpec:
    forms = RegionSpec(
        cross_frame_attention=choice.cross_frame_attention,
        self_attention=choice.self_attention,
        temporal=choice.temporal,
        prompt=choice.prompt,
    )
    return MaskStreamSpec(
        image_guidance=choice.image_guidance,
        background_prompt=choice.background_prompt and ranks.implicit_prompt is not None,
        regions=None if forms == RegionSpec() else forms,
    )


def _sampling(choice: AdapterChoice, base: BaseSpec) -> SamplingHints:
    return SamplingHints(
        start_noise=base.sampling.start_noise if choice.start_noise == "base" else None,
        match_first_frame=base.sampling.match_first_frame and choice.match_first_frame == "base",
    )
