"""`AdapterSpec`: what an adapter's weights are: base, parts and their ranks, trained clip shape, motion in words."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from registry_schema.base_spec import BaseIdentity, MotionNorm
from registry_schema.clip_shape import ClipShape
from registry_schema.document import Document, rule
from registry_schema.noise_schedule import NoiseSchedule
from registry_schema.ranks import Ranks
from registry_schema.sampling import SamplingHints
from registry_schema.text import Line

PART_NAMES = ("cross_frame_attention", "implicit_prompt", "temporal_lora", "mask_stream")


class LearnedWeighting(Document):
    """Weights of the two references from the time embedding: softmax((A silu(e_t) + b) / temperature)."""

    kind: Literal["learned"] = "learned"
    temperature: Annotated[float, Field(gt=0, le=100)] = 0.2


class FixedWeighting(Document):
    """Constant weights of the two references: `first` for frame 0, the rest for the previous frame."""

    kind: Literal["fixed"] = "fixed"
    first: Annotated[float, Field(ge=0, le=1)] = 0.5


Weighting = Annotated[LearnedWeighting | FixedWeighting, Field(discriminator="kind")]


class CrossFrameAttentionSpec(Document):
    """Attention towards frame 0 and the previous frame, MIVA Eq. (2).

    Args:
        combine: one softmax per reference (the paper) or one over both (the authors' code).
        placement: added inside the base's residual, or after it on the raw residual stream.
        rotary: whether queries and keys carry the base's rotary positions.
        query_bias: `own` at full rank if the query's bias was trained too; absent, it is the base's.
        skip_first: true where frame 0 is left out: it looks at nothing, later frames still look at it. Not written
            otherwise, so that documents from before there was a choice keep their bytes.
        weighting: how the two references share.
    """

    combine: Literal["separate", "joint"] = "separate"
    placement: Literal["parallel", "sequential"] = "parallel"
    rotary: bool = False
    query_bias: Literal["own"] | None = None
    skip_first: bool | None = None
    weighting: Annotated[Weighting, Field(default_factory=LearnedWeighting)]


class ImplicitPromptSpec(Document):
    """The small network that stands in for text attention.

    Args:
        words: the phrase it was trained to mean.
        query_bias: `none` if the bias of the base's query was left out, as the authors' code for Wan does.
    """

    words: Annotated[str, Line(200)]
    query_bias: Literal["none"] | None = None


class TemporalLoraSpec(Document):
    """LoRA on temporal attention, scaled by alpha / rank."""

    alpha: Annotated[float, Field(gt=0, le=1024)] = 1.0


RegionForm = Literal["soft", "hard", "off"]


class RegionSpec(Document):
    """How each kind of attention keeps to the masks: by their confidence, by labels of 0 and 1, or not at all.

    Several adapters share the base's self attention: there, `soft` is for one masked adapter, several take labels.
    """

    cross_frame_attention: RegionForm = "soft"
    self_attention: RegionForm = "hard"
    temporal: RegionForm = "soft"
    prompt: RegionForm = "soft"


class MaskStreamSpec(Document):
    """The second stream of a masked adapter: looks at the picture or not, has a prompt for the background or not.

    `regions` is not written where it has its usual values.
    """

    image_guidance: bool = True
    background_prompt: bool = True
    regions: RegionSpec | None = None

    @property
    def forms(self) -> RegionSpec:
        """How attention keeps to the masks."""
        return self.regions or RegionSpec()


class AdapterSpec(Document):
    """What the weights are. A part is there when its sub-spec is; `ranks` has exactly the parts that are there."""

    base: BaseIdentity
    masked: bool
    motion: Annotated[str, Line(60)]
    subjects: Annotated[tuple[Annotated[str, Line(60)], ...], Field(max_length=16)] = ()
    region: Literal["subject", "whole"] = "subject"
    ranks: Ranks
    cross_frame_attention: CrossFrameAttentionSpec | None = None
    implicit_prompt: ImplicitPromptSpec | None = None
    temporal_lora: TemporalLoraSpec | None = None
    mask_stream: MaskStreamSpec | None = None
    clip: ClipShape
    noise_schedule: NoiseSchedule
    sampling: Annotated[SamplingHints, Field(default_factory=SamplingHints)]
    motion_norm: MotionNorm | None = None

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the parts that are there."""
        return tuple(part for part in PART_NAMES if getattr(self, part) is not None)

    @model_validator(mode="after")
    def _agree(self) -> AdapterSpec:
        self._check_parts()
        self._check_mask()
        noise = self.sampling.start_noise
        if noise and noise.timestep >= self.noise_schedule.train_steps:
            raise rule("sampling.start_noise.timestep", f"`{noise.timestep}` is not below train_steps "
                       f"`{self.noise_schedule.train_steps}`")  # fmt: skip
        return self

    def _check_parts(self) -> None:
        if not self.parts:
            raise rule("ranks", "goes with no part at all, expected at least one of " + ", ".join(PART_NAMES))
        for part in PART_NAMES:
            rank = getattr(self.ranks, part)
            if part in self.parts and rank is None:
                raise rule(f"ranks.{part}", f"is missing, expected a rank because {part} is there")
            if part not in self.parts and rank is not None:
                raise rule(f"ranks.{part}", f"`{rank}` has no part, expected {part} beside it or no rank")

    def _check_mask(self) -> None:
        if self.masked != (self.mask_stream is not None):
            there = "there" if self.mask_stream else "absent"
            raise rule("masked", f"`{str(self.masked).lower()}` disagrees with mask_stream, which is {there}")
        if self.mask_stream is None:
            return
        if self.cross_frame_attention is None:
            raise rule("mask_stream", "needs cross_frame_attention, which is absent")
        if self.mask_stream.background_prompt and self.implicit_prompt is None:
            raise rule("mask_stream.background_prompt", "`true` needs implicit_prompt, which is absent")
