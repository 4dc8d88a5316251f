"""From the base's frame 0 to its frames: encode, sample with the adapters on, decode, and measure what they did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.adapters.attach import attached
from engine.progress import SilentProgress
from engine.sampling.effect import EffectMeter, measured
from engine.sampling.sampler import Sampler, SamplerSettings, SamplingInterrupted
from engine.sampling.schedule import schedule_of
from engine.shapes import latent_frames
from engine.video.clip_tensor import to_frames, to_tensor
from engine.video.detail_carry import BaseClip
from registry_schema.errors import Interrupted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from engine.adapters.composition import Composition
    from engine.bases.base import Base
    from engine.progress import Progress
    from engine.sampling.effect import AdapterEffect
    from engine.sampling.mask_walk import MaskGuidance
    from engine.sampling.sampler import Step
    from registry_schema.receipt import RunSettings


@dataclass(frozen=True)
class Sampled:
    """A clip's latents, the step in the middle for the effect meter, and those of its masks, m c f h w."""

    latents: Tensor
    middle: Step | None
    masks: Tensor | None = None


@dataclass(frozen=True)
class Generated:
    """The base's clip, and what each adapter did in it."""

    clip: BaseClip
    effects: tuple[AdapterEffect, ...]


class GenerationInterrupted(Interrupted):
    """Stopped by Ctrl-C; `clip` is as far as it came, None before the first step was over."""

    def __init__(self, message: str, clip: BaseClip | None) -> None:
        super().__init__(message)
        self.clip = clip


def encode_frame(base: Base, frame: NDArray[np.uint8]) -> Tensor:
    """Latents 1 c 1 h w of one frame `h w 3`."""
    return base.encode(to_tensor(frame[None])[None])


def sample(
    base: Base,
    composition: Composition,
    first: Tensor,
    settings: RunSettings,
    *,
    masks: MaskGuidance | None = None,
    progress: Progress | None = None,
) -> Sampled:
    """The latents of the clip that starts with `first`.

    Args:
        base: without adapters; they are on while it samples.
        composition: adapters with weights.
        first: 1 c 1 h w, see `encode_frame`.
        settings: of the run.
        masks: of the photo, for masked adapters.
        progress: told about steps and phases.

    Raises:
        GenerationInterrupted: Ctrl-C while sampling.
    """
    progress = progress or SilentProgress()
    frames = latent_frames(settings.clip.frames, base.spec.latent)
    sampler = Sampler(base, _sampler_settings(settings, frames))
    meter = EffectMeter(settings.steps)
    try:
        with attached(base, composition, timesteps=sampler.timesteps):
            latents = sampler.sample(first, seed=settings.seed, progress=progress, watch=meter, masks=masks)
    except SamplingInterrupted as stop:
        partial = None if stop.latents is None else _decoded(base, stop.latents)
        raise GenerationInterrupted(stop.message, partial) from stop
    return Sampled(latents, meter.seen, None if masks is None else masks.clean)


def finish(
    base: Base,
    composition: Composition,
    sampled: Sampled,
    *,
    measure: bool = True,
    progress: Progress | None = None,
) -> Generated:
    """The clip of sampled latents.

    Args:
        base: without adapters.
        composition: the one they were sampled with.
        sampled: see `sample`.
        measure: whether to say what each adapter did, for one more forward pass each.
        progress: told about phases.
    """
    schedule = schedule_of(base.spec.noise_schedule)
    effects = measured(base, composition, sampled.middle, schedule=schedule) if measure and sampled.middle else ()
    with (progress or SilentProgress()).phase("decoding", None):
        return Generated(_decoded(base, sampled.latents), effects)


def _decoded(base: Base, latents: Tensor) -> BaseClip:
    origins = base.origin(latents)
    known = None if origins is None else origins[0].permute(1, 2, 3, 0).cpu().numpy()
    return BaseClip(to_frames(base.decode(latents)[0]), known)


def _sampler_settings(settings: RunSettings, frames: int) -> SamplerSettings:
    return SamplerSettings(
        frames=frames,
        sampler=settings.sampler,
        steps=settings.steps,
        start_noise=settings.start_noise,
        match_first_frame=settings.match_first_frame,
        variant=settings.variant,
    )
