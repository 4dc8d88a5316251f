"""`Sampler`: the loop from noise to a clip, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from engine.device import draw_noise, mixed_seed
from engine.progress import SilentProgress
from engine.sampling.first_frame import hold_first_frame, match_first_frame, match_histogram
from engine.sampling.mask_walk import MaskWalk
from engine.sampling.schedule import FlowSchedule, schedule_of
from engine.sampling.solvers import Estimate, first_order_step, multistep_step
from engine.sampling.start_noise import analytic_scale, start_latents
from registry_schema.errors import Interrupted, MivaError, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from engine.bases.base import Base
    from engine.bases.regions import Regions
    from engine.progress import Progress
    from engine.sampling.mask_walk import MaskGuidance
    from engine.sampling.schedule import Level, Schedule
    from registry_schema.sampling import SamplerName, SamplingDefaults, SamplingVariant, StartNoise


@dataclass(frozen=True)
class SamplerSettings:
    """How one clip is sampled.

    Args:
        frames: latent frames, frame 0 included.
        sampler: `ddim`, `dpm` and `renoise` on diffusion schedules, `euler_flow` on flow.
        steps: how often the base is asked.
        start_noise: what the start noise knows of the photo; None is plain noise.
        match_first_frame: give later frames the colours of frame 0 at the end.
        variant: what else is tried; see `SamplingVariant`.
    """

    frames: int
    sampler: SamplerName
    steps: int
    start_noise: StartNoise | None
    match_first_frame: bool
    variant: SamplingVariant | None = None

    @classmethod
    def of(cls, defaults: SamplingDefaults, *, frames: int) -> SamplerSettings:
        """A base's own settings, for a clip of `frames` latent frames."""
        return cls(
            frames=frames,
            sampler=defaults.sampler,
            steps=defaults.steps,
            start_noise=defaults.start_noise,
            match_first_frame=defaults.match_first_frame,
        )


@dataclass(frozen=True)
class Step:
    """What is known at one step, for those who watch.

    Args:
        index: counted from 0.
        timestep: where `noisy` stands.
        noisy: b c f h w, what the base was given.
        clean: b c f h w, what it thinks is behind it.
        regions: where it was told that the subjects are.
    """

    index: int
    timestep: float
    noisy: Tensor
    clean: Tensor
    regions: Regions | None = None


class SamplingInterrupted(Interrupted):
    """Stopped between steps by Ctrl-C.

    `latents` is the finished form of the last clean estimate, b c f h w: a valid clip, only less sharp. None when the
    first step was not over.
    """

    def __init__(self, latents: Tensor | None, *, done: int, steps: int) -> None:
        super().__init__(f"stopped after step {done} of {steps}")
        self.latents = latents


class Sampler:
    """Turns a photo's latents into a clip's.

    Args:
        base: with adapters attached or without.
        settings: how.

    Raises:
        UsageProblem: the sampler can not follow the base's schedule, or steps are out of range.
    """

    def __init__(self, base: Base, settings: SamplerSettings) -> None:
        self.schedule = schedule_of(base.spec.noise_schedule)
        _require_able(settings, self.schedule)
        self._base = base
        self._settings = settings

    @property
    def timesteps(self) -> tuple[float, ...]:
        """Where the base will be asked, first to last."""
        return self.schedule.timesteps(self._settings.steps)

    @torch.no_grad()
    def sample(
        self,
        first: Tensor,
        *,
        seed: int | Sequence[int],
        progress: Progress | None = None,
        watch: Callable[[Step], None] | None = None,
        masks: MaskGuidance | None = None,
    ) -> Tensor:
        """Latents b c f h w whose frame 0 is `first`, bit for bit.

        Args:
            first: b c 1 h w, float32, clean.
            seed: of the noise; one for all samples, or one each. A sample's clip does not depend on its neighbours.
            progress: told after every step.
            watch: is shown every step.
            masks: of the masked adapters that are attached; without, their pictures keep to no region.

        Raises:
            SamplingInterrupted: Ctrl-C; it carries what there is so far.
            MivaError: the base's output is not finite.
        """
        settings = self._settings
        level = self._start_level()
        seeds = _seeds(first, seed)
        noise = _noise(first, settings.frames, seeds) * self._base.spec.sampling.noise_scale
        if settings.variant == "analytic-init":
            noise = noise * analytic_scale(self.schedule.levels(settings.steps)[0])
        latents = start_latents(first, noise, start=settings.start_noise, level=level)
        walk = _Walk(self._base, self.schedule, settings, first, seeds)
        if masks is not None:
            walk.masks = self._mask_walk(masks, seeds)
        with (progress or SilentProgress()).phase("sampling", settings.steps) as phase:
            try:
                for step in range(settings.steps):
                    latents = walk.step(latents, step, watch)
                    phase.advance(1)
            except KeyboardInterrupt as stop:
                raise SamplingInterrupted(walk.partial(), done=walk.done, steps=settings.steps) from stop
        return walk.finish(latents)

    def _mask_walk(self, masks: MaskGuidance, seeds: Sequence[int]) -> MaskWalk:
        """Noise of its own for each mask; what it knows of the photo, it knows of the mask of the photo."""
        settings, first = self._settings, masks.first.latents.flatten(0, 1)
        own = [mixed_seed(seed, "mask", place) for seed in seeds for place in range(masks.first.count)]
        noise = _noise(first, settings.frames, own)
        start = start_latents(first, noise, start=settings.start_noise, level=self._start_level())
        return MaskWalk(self._base, self.schedule, masks, steps=settings.steps, start=start)

    def _start_level(self) -> Level:
        start = self._settings.start_noise
        return self.schedule.start_level(start.timestep if start else 0, self._settings.steps)


class _Walk:
    """The way of one batch from noise to clean."""

    def __init__(
        self, base: Base, schedule: Schedule, settings: SamplerSettings, first: Tensor, seeds: Sequence[int]
    ) -> None:
        self._base = base
        self._seeds = seeds
        self._schedule = schedule
        self._settings = settings
        self._first = first
        self._timesteps = schedule.timesteps(settings.steps)
        self._levels = schedule.levels(settings.steps)
        self._last: Estimate | None = None
        self.masks: MaskWalk | None = None
        self.done = 0

    def step(self, noisy: Tensor, index: int, watch: Callable[[Step], None] | None) -> Tensor:
        """Latents one level closer to clean; frame 0 stays."""
        timestep = torch.full((noisy.shape[0],), self._timesteps[index], device=noisy.device)
        regions = None if self.masks is None else self.masks.regions
        if self.masks is None:
            output = self._base.predict(noisy, self._timesteps[index])
        else:
            output = self.masks.predict(noisy, index)
        clean = self._schedule.to_clean(output, noisy, timestep)
        if self._settings.variant == "adain-every-step":
            clean = match_first_frame(clean, self._first)
        now = Estimate(clean, self._levels[index])
        if watch is not None:
            watch(Step(index=index, timestep=self._timesteps[index], noisy=noisy, clean=now.clean, regions=regions))
        target = self._levels[index + 1]
        if self._settings.sampler == "dpm":
            moved = multistep_step(noisy, now, to=target, before=self._last)
        elif self._settings.sampler == "renoise":
            moved = first_order_step(now.clean, self._fresh_noise(index), to=target)
        else:
            moved = first_order_step(now.clean, self._schedule.to_noise(output, noisy, timestep), to=target)
        self._last, self.done = now, index + 1
        return hold_first_frame(moved, self._first)

    def _fresh_noise(self, index: int) -> Tensor:
        """Noise that no step has seen: errors of the estimate do not grow along one path.

        Source: Song et al. 2023 (arXiv 2303.01469), Algorithm 1, with the estimate of an ordinary denoiser.
        """
        seeds = [mixed_seed(seed, "renoise", index) for seed in self._seeds]
        return _noise(self._first, self._settings.frames, seeds) * self._base.spec.sampling.noise_scale

    def finish(self, latents: Tensor) -> Tensor:
        """What is done once after the last step."""
        if not torch.isfinite(latents).all():
            msg = f"the base `{self._base.spec.name}` gave values that are not finite numbers"
            raise MivaError(msg, hint="lower the adapters' weights, or run in float32")
        held = hold_first_frame(latents, self._first)
        if self._settings.variant == "histogram-matching":
            held = match_histogram(held, self._first)
        return match_first_frame(held, self._first) if self._settings.match_first_frame else held

    def partial(self) -> Tensor | None:
        """A finished clip made of the last clean estimate."""
        return None if self._last is None else self.finish(self._last.clean)


def _seeds(first: Tensor, seed: int | Sequence[int]) -> list[int]:
    batch = first.shape[0]
    seeds = [seed] * batch if isinstance(seed, int) else list(seed)
    if len(seeds) != batch:
        msg = f"{len(seeds)} seeds for {batch} photos, expected one for all or one each"
        raise UsageProblem(msg)
    return seeds


def _noise(first: Tensor, frames: int, seeds: Sequence[int]) -> Tensor:
    _, channels, _, height, width = first.shape
    return torch.stack([draw_noise((channels, frames, height, width), seed=seed) for seed in seeds]).to(first)


def _require_able(settings: SamplerSettings, schedule: Schedule) -> None:
    flows = isinstance(schedule, FlowSchedule)
    if flows != (settings.sampler == "euler_flow"):
        able = "`euler_flow`" if flows else "`ddim`, `dpm` or `renoise`"
        msg = f"sampler `{settings.sampler}` can not follow the base's noise schedule, expected {able}"
        raise UsageProblem(msg)
    if not 1 <= settings.steps <= schedule.train_steps:
        msg = f"`{settings.steps}` sampling steps, expected 1 to {schedule.train_steps}"
        raise UsageProblem(msg)
