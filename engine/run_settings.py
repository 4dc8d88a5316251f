"""From what a person chose to every setting of a run: the base and its adapters fill what was left open; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from registry_schema.errors import UsageProblem
from registry_schema.receipt import MaskSettings, RunSettings, SizeChoice
from registry_schema.sampling import SamplerName, StartNoise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from registry_schema.adapter_spec import AdapterSpec
    from registry_schema.base_spec import BaseSpec
    from registry_schema.clip_shape import ClipShape

SEED = 42
MAX_SEED = 2**63 - 1
MAX_STEPS = 1000
MAX_FPS = 240.0
USUAL_EVALUATIONS = 8  # of masks, in a run of 50 steps: MIVA, "Accelerated inference"


@dataclass(frozen=True, kw_only=True)
class RunChoices:
    """What a person chose; None leaves it to the base, and to what the adapters sample best with."""

    seed: int = SEED
    steps: int | None = None
    frames: int | None = None
    fps: float | None = None
    sampler: str | None = None
    start_noise: bool | None = None
    match_first_frame: bool | None = None
    size: str = "photo"
    fit: Literal["crop", "pad", "stretch"] = "crop"
    loop: Literal["none", "pingpong"] = "none"
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    mask_steps: int = USUAL_EVALUATIONS
    mask_decoder: Literal["auto", "vae", "tiny", "probe"] = "auto"


def settle(choices: RunChoices, base: BaseSpec, adapters: Sequence[AdapterSpec]) -> RunSettings:
    """Every setting of a run.

    Raises:
        UsageProblem: a choice the base can not follow; the hint has the nearest that it can.
    """
    _require_range("--seed", choices.seed, low=0, high=MAX_SEED)
    steps = base.sampling.steps if choices.steps is None else choices.steps
    _require_range("--steps", steps, low=1, high=min(MAX_STEPS, base.noise_schedule.train_steps))
    fps = float(base.clip.fps if choices.fps is None else choices.fps)
    if not 0 < fps <= MAX_FPS:
        raise UsageProblem(f"`--fps` is `{fps:g}`, expected more than 0 and at most {MAX_FPS:g}", hint="pass `--fps 8`")
    return RunSettings(
        seed=choices.seed,
        steps=steps,
        sampler=_sampler(choices.sampler, base),
        clip=_clip(choices.frames, base),
        start_noise=_start_noise(choices.start_noise, base, adapters),
        match_first_frame=_match_first_frame(choices.match_first_frame, base, adapters),
        size=_size(choices.size),
        fit=choices.fit,
        fps=fps,
        loop=choices.loop,
        device=choices.device,
        dtype="auto",
        masks=_masks(choices, adapters),
    )


def _masks(choices: RunChoices, adapters: Sequence[AdapterSpec]) -> MaskSettings | None:
    _require_range("--mask-steps", choices.mask_steps, low=1, high=MAX_STEPS)
    if not any(adapter.masked for adapter in adapters):
        return None
    return MaskSettings(evaluations=choices.mask_steps, decoder=choices.mask_decoder)


def _size(text: str) -> SizeChoice:
    problem = SizeChoice.problem(text)
    if problem is not None:
        raise UsageProblem(f"`--size` is `{text}`, which {problem}", hint="pass for example `--size photo`")
    return SizeChoice(text)


def _require_range(option: str, value: int, *, low: int, high: int) -> None:
    if not low <= value <= high:
        nearest = min(max(value, low), high)
        raise UsageProblem(f"`{option}` is `{value}`, expected {low} to {high}", hint=f"pass `{option} {nearest}`")


def _clip(frames: int | None, base: BaseSpec) -> ClipShape:
    if frames is None:
        return base.clip
    if not base.frames.allows(frames):
        rule = base.frames
        every = "" if rule.step == 1 else f", each {rule.offset} more than a multiple of {rule.step}"
        raise UsageProblem(
            f"`--frames` is `{frames}`, base `{base.name}` makes {rule.min} to {rule.max} frames{every}",
            hint=f"pass `--frames {rule.nearest(frames)}`",
        )
    return base.clip.model_copy(update={"frames": frames})


def _sampler(name: str | None, base: BaseSpec) -> SamplerName:
    known: tuple[SamplerName, ...] = get_args(SamplerName)
    if name is None:
        return base.sampling.sampler
    able = [one for one in known if (one == "euler_flow") == (base.noise_schedule.kind == "flow")]
    chosen = next((one for one in able if one == name), None)
    if chosen is None:
        *others, last = [f"`{one}`" for one in able]
        names = f"{', '.join(others)} or {last}" if others else last
        raise UsageProblem(
            f"`--sampler` is `{name}`, base `{base.name}` samples with {names}", hint=f"pass `--sampler {able[0]}`"
        )
    return chosen


def _start_noise(choice: bool | None, base: BaseSpec, adapters: Sequence[AdapterSpec]) -> StartNoise | None:
    """The first adapter's wish if all have one, else plain noise; a person's word goes first."""
    wishes = [adapter.sampling.start_noise for adapter in adapters]
    if choice is None:
        return wishes[0] if wishes and all(wish is not None for wish in wishes) else None
    if not choice:
        return None
    return next((wish for wish in wishes if wish is not None), None) or base.sampling.start_noise or StartNoise()


def _match_first_frame(choice: bool | None, base: BaseSpec, adapters: Sequence[AdapterSpec]) -> bool:
    if choice is not None:
        return choice
    return base.sampling.match_first_frame and all(adapter.sampling.match_first_frame for adapter in adapters)
