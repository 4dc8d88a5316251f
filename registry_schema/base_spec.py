"""`BaseSpec`: the facts about a frozen base model, as data."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from registry_schema.clip_shape import ClipShape
from registry_schema.digests import Digest
from registry_schema.document import Document, RootDocument, rule
from registry_schema.hub_names import Repository, Revision
from registry_schema.names import BaseName
from registry_schema.noise_schedule import NoiseSchedule
from registry_schema.ranks import Ranks
from registry_schema.sampling import SamplingDefaults
from registry_schema.text import Licence, Line

BaseFamily = Literal["unet_motion", "wan"]
MotionNorm = Literal["frame"]
"""What motion modules normalise by itself: each `frame`; without the word, all frames of a clip together."""


BasePart = Literal["unet", "motion_adapter", "transformer", "vae"]
"""The folders of a base that hold a diffusers model each."""


Share = Annotated[float, Field(ge=0, lt=1)]


class BaseIdentity(Document):
    """Which base: its name, the fingerprint of its architecture, the digest of its weights."""

    name: BaseName
    architecture: Digest
    weights: Digest


class FrameRule(Document):
    """Legal frame counts: from `min` to `max`, those that leave `offset` when divided by `step`."""

    min: Annotated[int, Field(ge=1, le=1024)]
    max: Annotated[int, Field(ge=1, le=1024)]
    step: Annotated[int, Field(ge=1, le=64)] = 1
    offset: Annotated[int, Field(ge=0, le=63)] = 0

    @model_validator(mode="after")
    def _agree(self) -> FrameRule:
        if self.min > self.max:
            raise rule("min", f"`{self.min}` is above max `{self.max}`, expected at most that")
        if self.offset >= self.step:
            raise rule("offset", f"`{self.offset}` is not below step `{self.step}`, expected a remainder")
        for field, count in (("min", self.min), ("max", self.max)):
            if not self.allows(count):
                raise rule(
                    field, f"`{count}` is itself not legal, expected {self.offset} more than a multiple of {self.step}"
                )
        return self

    def allows(self, frames: int) -> bool:
        """Whether a clip may have so many frames."""
        return self.min <= frames <= self.max and frames % self.step == self.offset

    def nearest(self, frames: int) -> int:
        """The legal count nearest to `frames`, the smaller of two."""
        legal = range(self.min, self.max + 1, self.step)
        return min(legal, key=lambda count: abs(count - frames))


class LatentScale(Document):
    """From pixels to latents: channels, and how many pixels (`spatial`) and frames (`temporal`) fall into one."""

    channels: Annotated[int, Field(ge=1, le=1024)]
    spatial: Annotated[int, Field(ge=1, le=64)]
    temporal: Annotated[int, Field(ge=1, le=64)] = 1


class TrainingDefaults(Document):
    """What `train` uses on this base unless a recipe says otherwise; what is left out is the paper's.

    Each field has the name and the meaning of the recipe's key.
    """

    ranks: Ranks
    learning_rate: Annotated[float, Field(gt=0, le=1)]
    steps: Annotated[int, Field(ge=1, le=10_000_000)]
    alpha: Annotated[float, Field(gt=0, le=4096)] | None = None
    betas: Annotated[tuple[Share, ...], Field(min_length=2, max_length=2)] | None = None
    warmup: Annotated[int, Field(ge=0, le=10_000_000)] | None = None
    schedule: Literal["constant", "cosine"] | None = None
    ema_decay: Share | None = None
    weighting: Literal["uniform", "bell", "min_snr"] | None = None
    timesteps: Literal["uniform", "noisy"] | None = None
    least_weight: Annotated[float, Field(gt=0, le=1)] | None = None
    windows: Annotated[int, Field(ge=1, le=1024)] | None = None


class BaseFacts(Document):
    """What is true of a base whatever its weights: its architecture, its limits, how it was trained and samples."""

    name: BaseName
    title: Annotated[str, Line(80)]
    family: BaseFamily
    architecture: Digest
    licence: Licence
    clip: ClipShape
    frames: FrameRule
    latent: LatentScale
    size_multiple: Annotated[int, Field(ge=1, le=256)]
    noise_schedule: NoiseSchedule
    sampling: SamplingDefaults
    training: TrainingDefaults
    exact_only: bool = False
    motion_norm: MotionNorm | None = None

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.motion_norm and self.family != "unet_motion":
            raise rule("motion_norm", f"`{self.motion_norm}` is about motion modules, family `{self.family}` has none")
        if not self.frames.allows(self.clip.frames):
            nearest = self.frames.nearest(self.clip.frames)
            raise rule(
                "clip.frames", f"`{self.clip.frames}` breaks the base's own frame rule, expected for example {nearest}"
            )
        for field, pixels in (("clip.height", self.clip.height), ("clip.width", self.clip.width)):
            if pixels % self.size_multiple:
                raise rule(field, f"`{pixels}` is not a multiple of size_multiple `{self.size_multiple}`")
        if self.size_multiple % self.latent.spatial:
            raise rule(
                "size_multiple", f"`{self.size_multiple}` is not a multiple of latent.spatial `{self.latent.spatial}`"
            )
        if (self.noise_schedule.kind == "flow") != (self.sampling.sampler == "euler_flow"):
            raise rule(
                "sampling.sampler", f"`{self.sampling.sampler}` can not follow a {self.noise_schedule.kind} schedule"
            )
        noise = self.sampling.start_noise
        if noise and noise.timestep >= self.noise_schedule.train_steps:
            raise rule("sampling.start_noise.timestep", f"`{noise.timestep}` is not below train_steps "
                       f"`{self.noise_schedule.train_steps}`")  # fmt: skip
        return self


class BaseSource(Document):
    """Where a part of a base came from: a repository on the Hub and the commit that was taken."""

    part: BasePart
    repository: Repository
    revision: Revision


class BaseFile(Document):
    """A file of a base as it was when it was installed; `path` is seen from the base's folder."""

    path: Annotated[str, Field(pattern=r"^[a-z_]+(/[A-Za-z0-9._-]+)?(\.[a-z]+)?$", max_length=128)]
    digest: Digest
    size: Annotated[int, Field(ge=1, le=1 << 40)]


class BaseSpec(BaseFacts, RootDocument):
    """A frozen text-to-video model with its weights; `files` and `sources` say what was installed from where."""

    SCHEMA: ClassVar[str] = "miva.base/1"
    SOURCE: ClassVar[str] = "base.json"

    weights: Digest
    files: Annotated[tuple[BaseFile, ...], Field(max_length=64)] | None = None
    sources: Annotated[tuple[BaseSource, ...], Field(max_length=8)] | None = None

    @property
    def base_identity(self) -> BaseIdentity:
        """What an adapter trained on this base writes down."""
        return BaseIdentity(name=self.name, architecture=self.architecture, weights=self.weights)
