"""`TrainRecipe`: every choice of a training run, as frozen data; reads and writes TOML; free of torch.

A recipe has no empty values: a part that is not wanted has the rank `"off"`, an average with decay 0 is the last
weights, an interval of 0 never comes round.
"""

from __future__ import annotations

import hashlib
import tomllib
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from engine.clip_findings import FindingKind
from engine.motion_words import direction_in
from engine.recipe_problems import leaf_paths, unknown_key, usage_problem
from engine.toml_text import merged, toml_text
from registry_schema.errors import UsageProblem
from registry_schema.ranks import MAX_RANK

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from registry_schema.base_spec import BaseFacts, BaseSpec

Rank = Annotated[int, Field(ge=1, le=MAX_RANK)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=60)]
Fraction = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]

MAX_RECIPE_BYTES = 64 * 1024


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class RankChoice(_Section):
    """How wide each part is; `"off"` leaves a part out, `"full"` trains whole matrices."""

    cross_frame_attention: Rank | Literal["full", "off"] = "full"
    implicit_prompt: Rank | Literal["off"] = 64
    temporal_lora: Rank | Literal["off"] = 32
    mask_stream: Rank | Literal["full", "off"] = "off"


class AdapterChoice(_Section):
    """What is trained, and what a person reads about it.

    `skip_first` leaves frame 0 out of cross-frame attention: cheaper, and not what the paper trains.

    How much a frame looks at frame 0 and how much at the one before is `learned` by timestep, or `fixed`:
    `weighting_first` for frame 0, the rest for the other. One half each is the paper's "without weighting module".
    """

    motion: Words = ""
    subjects: Annotated[tuple[Words, ...], Field(strict=False, max_length=16)] = ()
    region: Literal["subject", "whole"] = "subject"
    ranks: RankChoice = RankChoice()
    combine: Literal["separate", "joint"] = "separate"
    placement: Literal["parallel", "sequential"] = "parallel"
    rotary: bool = False
    skip_first: bool = False
    weighting: Literal["learned", "fixed"] = "learned"
    weighting_temperature: Positive = 0.2
    weighting_first: Share = 0.5
    alpha: Positive = 1.0
    start_noise: Literal["base", "off"] = "base"
    match_first_frame: Literal["base", "off"] = "base"


class ClipChoice(_Section):
    """How windows of frames are taken from the clips.

    `speed = "keep"` reads a clip at the base's frame rate by its own timestamps, so a motion never gets faster or
    slower. `speed = "stride"` is the rule of the paper: every `stride`-th frame, fewer where a clip is short; this
    changes the speed.

    `sampling` takes `windows` of them at `random` or `uniform`, the first one (`head`) or `all`. Where a clip is wider
    or higher than the base's frames, `crop` sees its middle (`center`), where most moves (`smart`), or any part.
    `flip` mirrors half of the examples; it is refused for motions that go left or right. `leave_out` allows clips to
    be left out for what is wrong with them: `unusable`, or kinds of `mivactl clips`.
    """

    sampling: Literal["random", "uniform", "head", "all"] = "random"
    windows: Annotated[int, Field(ge=1, le=1024)] = 8
    speed: Literal["keep", "stride"] = "keep"
    stride: Annotated[int, Field(ge=1, le=64)] = 4
    crop: Literal["center", "smart", "random"] = "center"
    flip: bool = False
    leave_out: Annotated[tuple[Literal["unusable"] | FindingKind, ...], Field(strict=False)] = ()


class MaskChoice(_Section):
    """How a masked adapter is made and trained; it is one where `adapter.ranks.mask_stream` is not off.

    Args:
        image_guidance: its mask stream looks at the pictures.
        background_prompt: what is no subject has an implicit prompt of its own.
        cross_frame_attention: it keeps to the masks by their confidence, by labels of 0 and 1, or not at all.
        self_attention: the same of the base's own.
        temporal: the same along time.
        prompt: the same of the implicit prompt.
        timesteps: steps in a row with one clip, from noisy to clean; each may use the masks predicted one before.
        truth: how often a step uses the true masks: `cosine` always at first, never at the end.
        decoder: what makes masks of predicted latents; `auto` is a linear probe where latents are pictures.
    """

    image_guidance: bool = True
    background_prompt: bool = True
    cross_frame_attention: Literal["soft", "hard", "off"] = "soft"
    self_attention: Literal["soft", "hard", "off"] = "hard"
    temporal: Literal["soft", "hard", "off"] = "soft"
    prompt: Literal["soft", "hard", "off"] = "soft"
    timesteps: Annotated[int, Field(ge=1, le=100)] = 5
    truth: Literal["cosine", "always"] = "cosine"
    decoder: Literal["auto", "vae", "probe"] = "auto"


class OptimiserChoice(_Section):
    """AdamW and its schedule; `gradient_clip = inf` does not clip.

    `kind = "adamw_8bit"` keeps the moments in 8 bits, by bitsandbytes: a quarter of their memory, other rounding.
    """

    kind: Literal["adamw", "adamw_8bit"] = "adamw"
    learning_rate: Positive = 1e-5
    betas: Annotated[tuple[Fraction, Fraction], Field(strict=False)] = (0.9, 0.999)
    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1e-2
    eps: Positive = 1e-8
    steps: Annotated[int, Field(ge=1, le=10_000_000)] = 15_000
    batch: Annotated[int, Field(ge=1, le=4096)] = 1
    accumulate: Annotated[int, Field(ge=1, le=4096)] = 1
    gradient_clip: Annotated[float, Field(gt=0)] = 1.0
    warmup: Annotated[int, Field(ge=0)] = 0
    schedule: Literal["constant", "cosine"] = "constant"
    ema_decay: Fraction = 0.0


class LossChoice(_Section):
    """How timesteps are weighted: `bell` is Wan's way for a flow, `min_snr` caps the easy ones of a diffusion.

    `timesteps = "noisy"` trains mostly under strong noise, where the photo alone says what moves and how. Each step
    trains the adapter at a weight drawn evenly from `least_weight` to 1, beside one that holds everything still with
    the rest of the weight: as others will that share a composition with it.
    """

    weighting: Literal["uniform", "bell", "min_snr"] = "uniform"
    timesteps: Literal["uniform", "noisy"] = "uniform"
    min_snr: Positive = 5.0
    least_weight: Annotated[float, Field(gt=0, le=1)] = 1.0


class EvaluationChoice(_Section):
    """How a run is watched while it learns, and which of its weights are kept.

    `times` looks are spread evenly over the steps, the last step among them; 0 never looks. Each takes the loss at
    `points` fixed draws of held-out clips and renders `previews` pictures. `held_out` clips are never trained on;
    `auto` is one in ten. `keep = "best"` keeps the weights of the best look, `"last"` those of the last step.
    """

    times: Annotated[int, Field(ge=0, le=1000)] = 5
    previews: Annotated[int, Field(ge=0, le=16)] = 3
    points: Annotated[int, Field(ge=1, le=1024)] = 16
    held_out: Annotated[int, Field(ge=0, le=1000)] | Literal["auto"] = "auto"
    keep: Literal["best", "last"] = "best"


class RunChoice(_Section):
    """How the machine runs it, and how often the state is saved (0 never; the end of a run is always saved).

    `deterministic` refuses kernels whose result depends on timing, which some graphics cards pay for with speed.
    """

    seed: Annotated[int, Field(ge=0, lt=2**63)] = 42
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    deterministic: bool = False
    gradient_checkpointing: bool = False
    checkpoint_steps: Annotated[int, Field(ge=0)] = 500
    checkpoint_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 300.0
    keep_checkpoints: Annotated[int, Field(ge=1, le=1000)] = 2
    stop_after_skips: Annotated[int, Field(ge=1)] = 20


class TrainRecipe(_Section):
    """Every choice of a training run. The defaults are the paper's; `recipe_for` gives those of a base."""

    schema_name: Literal["miva.recipe/1"] = Field("miva.recipe/1", alias="schema")
    adapter: AdapterChoice = AdapterChoice()
    clips: ClipChoice = ClipChoice()
    masks: MaskChoice = MaskChoice()
    optimiser: OptimiserChoice = OptimiserChoice()
    loss: LossChoice = LossChoice()
    evaluation: EvaluationChoice = EvaluationChoice()
    run: RunChoice = RunChoice()

    @model_validator(mode="after")
    def _mirrors_no_direction(self) -> Self:
        if self.clips.flip and (word := direction_in(self.adapter.motion)):
            raise PydanticCustomError("mirrored", "{word}", {"word": word})
        return self

    def to_dict(self) -> dict[str, Any]:
        """Plain values, in the order of the file."""
        return self.model_dump(mode="json", by_alias=True)

    def to_toml(self) -> str:
        """The one text of this recipe: every value, fixed order."""
        return toml_text(self.model_dump(by_alias=True))

    @property
    def masked(self) -> bool:
        """Whether it makes a masked adapter."""
        return self.adapter.ranks.mask_stream != "off"

    @property
    def digest(self) -> str:
        """`sha256:<hex>` of the text."""
        return "sha256:" + hashlib.sha256(self.to_toml().encode()).hexdigest()

    @property
    def resume_digest(self) -> str:
        """Digest of the choices a run must keep when it goes on.

        When and how often it saves may change; so may its length where nothing depends on it: the learning rate, or
        how often true masks are told.
        """
        plain = TrainRecipe()
        kept = {
            name: getattr(plain.run, name) for name in ("checkpoint_steps", "checkpoint_seconds", "keep_checkpoints")
        }
        optimiser = self.optimiser
        told_by_length = self.masked and self.masks.truth == "cosine"
        if optimiser.schedule == "constant" and not told_by_length:
            optimiser = optimiser.model_copy(update={"steps": plain.optimiser.steps})
        return self.model_copy(update={"run": self.run.model_copy(update=kept), "optimiser": optimiser}).digest


def recipe_from_toml(data: bytes, *, defaults: Mapping[str, Any] | None = None) -> TrainRecipe:
    """A recipe from the bytes of a TOML file; what the file leaves out comes from `defaults`, then from the paper.

    Raises:
        UsageProblem: not TOML, an unknown key, or a value of the wrong type or range.
    """
    if len(data) > MAX_RECIPE_BYTES:
        raise UsageProblem(f"recipe has {len(data)} bytes, expected at most {MAX_RECIPE_BYTES}")
    try:
        document = tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise UsageProblem(f"recipe is not TOML: {problem}") from problem
    return recipe_from_dict(merged(defaults or {}, document))


def recipe_from_dict(document: Mapping[str, Any]) -> TrainRecipe:
    """A recipe from plain values.

    Raises:
        UsageProblem: an unknown key, or a value of the wrong type or range.
    """
    try:
        return TrainRecipe.model_validate(document)
    except ValidationError as problem:
        raise usage_problem(problem, TrainRecipe) from problem


def base_defaults(base: BaseFacts, *, masked: bool = False) -> dict[str, Any]:
    """What a base recommends, as the tables of a recipe; with `masked` for a masked adapter.

    A mask stream is as wide as cross-frame attention. It looks at the pictures on U-Nets only, as in the authors' code.
    A masked adapter is not watched: looks at a run know no masks.
    """
    training = base.training
    ranks = {part: getattr(training.ranks, part) or "off" for part in RankChoice.model_fields}
    tables = {
        section: {key: value for key in keys if (value := getattr(training, key)) is not None}
        for section, keys in _BASE_KEYS.items()
    }
    recommended = merged({"adapter": {"ranks": ranks}}, {name: table for name, table in tables.items() if table})
    if not masked:
        return recommended
    return merged(
        recommended,
        {
            "adapter": {"ranks": {"mask_stream": ranks["cross_frame_attention"]}},
            "masks": {"image_guidance": base.family == "unet_motion"},
            "evaluation": {"times": 0},
        },
    )


_BASE_KEYS = {
    "adapter": ("alpha",),
    "clips": ("windows",),
    "optimiser": ("learning_rate", "betas", "steps", "warmup", "schedule", "ema_decay"),
    "loss": ("weighting", "timesteps", "least_weight"),
}
"""Keys of a recipe for which a base may have its own defaults, by section."""


def training_recipe(
    base: BaseSpec, file: bytes | None, overrides: Mapping[str, Any], sets: Sequence[str], *, masked: bool = False
) -> TrainRecipe:
    """A recipe: the base's defaults, then a file, then options, then `section.key=value`.

    Args:
        base: whose defaults.
        file: TOML.
        overrides: of options.
        sets: `section.key=value`.
        masked: whether the defaults are those of a masked adapter.

    Raises:
        UsageProblem: not TOML, an unknown key or a value that will not do.
    """
    chosen = recipe_from_toml(file or b"", defaults=base_defaults(base, masked=masked))
    document = merged(chosen.model_dump(by_alias=True), overrides)
    return recipe_from_dict(apply_overrides(document, sets))


def recipe_for(base: BaseSpec) -> TrainRecipe:
    """The recipe a base recommends."""
    return recipe_from_dict(base_defaults(base))


def apply_overrides(document: Mapping[str, Any], assignments: Iterable[str]) -> dict[str, Any]:
    """`document` with assignments like `optimiser.steps=400` put over it; a bare word is a text.

    Raises:
        UsageProblem: not an assignment, an unknown key (the nearest one is in the hint), a value of the wrong type.
    """
    result = dict(document)
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals:
            raise UsageProblem(f"`{assignment}` is not an assignment, expected `section.key=value`")
        path = tuple(part.strip() for part in key.split("."))
        if path not in leaf_paths(TrainRecipe):
            raise unknown_key(path, TrainRecipe)
        result = merged(result, _nested(path, _value(text.strip())))
    recipe_from_dict(result)
    return result


def _value(text: str) -> Any:  # noqa: ANN401 - whatever TOML holds
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, KeyError):
        return text


def _nested(path: tuple[str, ...], value: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever TOML holds
    for part in reversed(path):
        value = {part: value}
    return dict(value)
