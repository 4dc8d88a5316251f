"""How signal and noise are mixed at each timestep, and what a base's output says about both.

All schedules mix linearly, noisy = signal * clean + noise_level * noise; they differ in the two factors and in what the
denoiser predicts:

    epsilon        the noise
    v_prediction   signal * noise - noise_level * clean       (signal^2 + noise_level^2 = 1)
    sample         the clean clip
    flow           noise - clean                              (signal + noise_level = 1)

Sources: Ho et al. 2020 (arXiv 2006.11239); Salimans and Ho 2022 (arXiv 2202.00512) for v; Lipman et al. 2023
(arXiv 2210.02747) for flow.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch

from registry_schema.noise_schedule import Diffusion, Flow

if TYPE_CHECKING:
    from torch import Tensor

    from registry_schema.noise_schedule import NoiseSchedule

Prediction = Literal["epsilon", "v_prediction", "sample", "flow"]


@dataclass(frozen=True)
class Level:
    """Factors of the clean clip and of the noise at one timestep."""

    signal: float
    noise: float


CLEAN = Level(signal=1.0, noise=0.0)


class Schedule(ABC):
    """A base's noise schedule. Timesteps are counted in training steps; tensors of them have one per sample."""

    prediction: Prediction
    train_steps: int

    @abstractmethod
    def factors(self, timestep: Tensor) -> tuple[Tensor, Tensor]:
        """Signal and noise factors, float64, in the shape of `timestep`; all on the CPU."""

    @abstractmethod
    def timestep_at(self, fraction: Tensor) -> Tensor:
        """The timestep a training example gets from a uniform number in [0, 1); float32."""

    @abstractmethod
    def timesteps(self, steps: int) -> tuple[float, ...]:
        """Where a sampler of so many steps asks the base, from noise to clean: `steps` timesteps."""

    @abstractmethod
    def start_level(self, timestep: int, steps: int) -> Level:
        """Where the start noise of a run of `steps` steps noises the photo to."""

    def level(self, timestep: float) -> Level:
        """Factors at one timestep."""
        signal, noise = self.factors(torch.tensor(float(timestep), dtype=torch.float64))
        return Level(float(signal), float(noise))

    def levels(self, steps: int) -> tuple[Level, ...]:
        """Factors along a run of `steps` steps, and the clean end: `steps + 1` levels."""
        return (*(self.level(timestep) for timestep in self.timesteps(steps)), CLEAN)

    def add_noise(self, clean: Tensor, noise: Tensor, timestep: Tensor) -> Tensor:
        """Noisy latents b c f h w of clean ones; every frame is noised, frame 0 too."""
        signal, level = self._spread(timestep, clean)
        return signal * clean + level * noise

    def target(self, clean: Tensor, noise: Tensor, timestep: Tensor) -> Tensor:
        """What the base should predict: b c f h w."""
        if self.prediction == "epsilon":
            return noise
        if self.prediction == "sample":
            return clean
        if self.prediction == "flow":
            return noise - clean
        signal, level = self._spread(timestep, clean)
        return signal * noise - level * clean

    def to_clean(self, output: Tensor, noisy: Tensor, timestep: Tensor) -> Tensor:
        """The clean latents that the base's output stands for."""
        signal, level = self._spread(timestep, noisy)
        if self.prediction == "epsilon":
            return (noisy - level * output) / signal
        if self.prediction == "sample":
            return output
        if self.prediction == "flow":
            return noisy - level * output
        return signal * noisy - level * output

    def to_noise(self, output: Tensor, noisy: Tensor, timestep: Tensor) -> Tensor:
        """The noise that the base's output stands for."""
        signal, level = self._spread(timestep, noisy)
        if self.prediction == "epsilon":
            return output
        if self.prediction == "sample":
            return (noisy - signal * output) / level
        if self.prediction == "flow":
            return noisy + signal * output
        return signal * output + level * noisy

    def _spread(self, timestep: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
        # float64 stays on the CPU: not every accelerator has it
        signal, noise = (factor.to(like.dtype) for factor in self.factors(timestep.reshape(-1).cpu()))
        axes = (-1, *[1] * (like.ndim - 1))
        return signal.to(like.device).view(axes), noise.to(like.device).view(axes)


class DiffusionSchedule(Schedule):
    """A variance-preserving schedule: the square roots of cumulative alpha and of its complement."""

    def __init__(self, spec: Diffusion) -> None:
        self.prediction = spec.prediction
        self.train_steps = spec.train_steps
        self._spec = spec
        self._alphas = cumulative_alphas(spec)

    def factors(self, timestep: Tensor) -> tuple[Tensor, Tensor]:
        """Factors from the table; timesteps are rounded to whole ones."""
        alphas = self._alphas[timestep.round().long()]
        return alphas.sqrt(), (1 - alphas).sqrt()

    def timestep_at(self, fraction: Tensor) -> Tensor:
        """Uniform over 0 .. train_steps - 1."""
        return (fraction * self.train_steps).floor().clamp(max=self.train_steps - 1).float()

    def timesteps(self, steps: int) -> tuple[float, ...]:
        """Whole timesteps, spaced as the spec says; as diffusers' `DDIMScheduler` does."""
        if self._spec.spacing == "leading":
            stride = self.train_steps // steps
            return tuple(float(index * stride + self._spec.steps_offset) for index in reversed(range(steps)))
        gap = self.train_steps / steps
        return tuple(float(round(self.train_steps - index * gap) - 1) for index in range(steps))

    def start_level(self, timestep: int, steps: int) -> Level:
        """Factors at `timestep` itself."""
        return self.level(timestep)


class FlowSchedule(Schedule):
    """Rectified flow: the noise factor is timestep / train_steps, the signal factor its complement.

    `shift` bends which timesteps are met, in training and sampling: s = shift u / (1 + (shift - 1) u).
    """

    prediction: Prediction = "flow"

    def __init__(self, spec: Flow) -> None:
        self.train_steps = spec.train_steps
        self._shift = spec.shift

    def factors(self, timestep: Tensor) -> tuple[Tensor, Tensor]:
        """Factors, linear in the timestep."""
        noise = timestep.double() / self.train_steps
        return 1 - noise, noise

    def timestep_at(self, fraction: Tensor) -> Tensor:
        """Uniform before the shift; 0 (clean) is never drawn."""
        return (self._shifted(1 - fraction.double()) * self.train_steps).float()

    def timesteps(self, steps: int) -> tuple[float, ...]:
        """Evenly spaced before the shift, from pure noise on."""
        evenly = 1 - torch.arange(steps, dtype=torch.float64) / steps
        return tuple((self._shifted(evenly) * self.train_steps).tolist())

    def start_level(self, timestep: int, steps: int) -> Level:
        """Factors at the run's own timestep nearest to `timestep`."""
        return self.level(min(self.timesteps(steps), key=lambda own: abs(own - timestep)))

    def _shifted(self, evenly: Tensor) -> Tensor:
        return self._shift * evenly / (1 + (self._shift - 1) * evenly)


def schedule_of(spec: NoiseSchedule) -> Schedule:
    """The schedule that `spec` describes."""
    return FlowSchedule(spec) if isinstance(spec, Flow) else DiffusionSchedule(spec)


def cumulative_alphas(spec: Diffusion) -> Tensor:
    """Cumulative product of 1 - beta over training steps, float64; the square of the signal factor.

    With zero terminal SNR the signal factors are moved and stretched so that the last one is 0 and the first stays.

    Source: Lin et al. 2023 (arXiv 2305.08891), Algorithm 1.
    """
    if spec.betas == "scaled_linear":
        ends = (spec.beta_start**0.5, spec.beta_end**0.5)
        betas = torch.linspace(*ends, spec.train_steps, dtype=torch.float64) ** 2
    else:
        betas = torch.linspace(spec.beta_start, spec.beta_end, spec.train_steps, dtype=torch.float64)
    alphas = (1 - betas).cumprod(dim=0)
    if not spec.zero_terminal_snr:
        return alphas
    signal = alphas.sqrt()
    return ((signal - signal[-1]) * signal[0] / (signal[0] - signal[-1])) ** 2
