"""How a clip is sampled: start noise, sampler and steps of a base, and an adapter's wishes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from registry_schema.document import Document

SamplerName = Literal["ddim", "dpm", "renoise", "euler_flow"]
SamplingVariant = Literal["adain-every-step", "histogram-matching", "analytic-init", "joint-softmax"]
"""What the paper tried and left out, for comparisons."""
Share = Annotated[float, Field(ge=0, le=1)]


class StartNoise(Document):
    """Start noise that knows the photo; presence is the switch.

    Args:
        shared: share of frame 0's noise in every other frame (`s` of Alg. 1).
        low_pass: share of each axis of the DCT that comes from the noised photo (`rho`).
        shape: which low coefficients those are.
        timestep: where the photo is noised to, in training steps.
    """

    shared: Share = 0.05
    low_pass: Share = 0.23
    shape: Literal["rectangle", "triangle"] = "rectangle"
    timestep: Annotated[int, Field(ge=0, le=99_999)] = 975


class SamplingDefaults(Document):
    """What a base samples with unless somebody says otherwise; `match_first_frame` is AdaIN after the last step.

    Args:
        noise_scale: deviation of the noise that a clip starts from; below 1 a clip is nearer to what the base expects,
            and what it takes rare noise for does not appear (truncation, Brock et al. 2019, arXiv 1809.11096, 3.1).
        lone_weight: of an adapter that is alone and was given no weight. On a base that has one, what weights leave of
            1 belongs to the base's own words, which hold everything still; elsewhere it is 1.
    """

    sampler: SamplerName
    steps: Annotated[int, Field(ge=1, le=1000)]
    start_noise: StartNoise | None = None
    match_first_frame: bool = True
    noise_scale: Annotated[float, Field(gt=0, le=1)] = 1.0
    lone_weight: Annotated[float, Field(gt=0, le=1)] | None = None


class SamplingHints(Document):
    """What an adapter samples best with; no `start_noise` means plain noise."""

    start_noise: StartNoise | None = None
    match_first_frame: bool = True
