"""The denoising loss of a clip whose frame 0 is given: frame 0 goes in clean and is not judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from engine.sampling.schedule import schedule_of
from registry_schema.errors import UsageProblem

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from engine.recipe import LossChoice
    from engine.sampling.schedule import Schedule
    from registry_schema.noise_schedule import NoiseSchedule

BELL_POINTS = 1000


class Objective:
    """What is fed to the base and what its answer costs.

    Args:
        noise_schedule: of the base.
        choice: how timesteps are weighted.

    Raises:
        UsageProblem: a weighting that this kind of schedule does not have.
    """

    def __init__(self, noise_schedule: NoiseSchedule, choice: LossChoice) -> None:
        self._schedule = schedule_of(noise_schedule)
        self._choice = choice
        is_flow = self._schedule.prediction == "flow"
        if choice.weighting == ("min_snr" if is_flow else "bell"):
            other = "bell" if is_flow else "min_snr"
            raise UsageProblem(
                f"loss weighting `{choice.weighting}` does not go with a {noise_schedule.kind} schedule",
                hint=f"use `--set loss.weighting={other}` or `uniform`",
            )
        self._bell_mean = float(_bell(_grid(self._schedule), self._schedule.train_steps).mean()) if is_flow else 1.0

    def timesteps(self, fractions: Float[Tensor, "b"]) -> Float[Tensor, "b"]:
        """Where on the schedule samples are trained, from numbers in [0, 1).

        With `noisy`, half of them lie in the noisiest sixth: timesteps in proportion to their cubes.
        """
        if self._choice.timesteps == "uniform":
            return self._schedule.timestep_at(fractions)
        is_flow = self._schedule.prediction == "flow"  # there, 0 is pure noise
        return self._schedule.timestep_at(1 - (1 - fractions) ** 0.25 if is_flow else fractions**0.25)

    def noisy(
        self, clean: Float[Tensor, "b c f h w"], noise: Float[Tensor, "b c f h w"], timestep: Float[Tensor, "b"]
    ) -> Float[Tensor, "b c f h w"]:
        """Noised latents with a clean frame 0; the base still sees one timestep for all frames.

        Source: MIVA, training; LAMP.
        """
        noisy = self._schedule.add_noise(clean, noise, timestep)
        noisy[:, :, 0] = clean[:, :, 0]
        return noisy

    def loss(
        self,
        predicted: Float[Tensor, "b c f h w"],
        clean: Float[Tensor, "b c f h w"],
        noise: Float[Tensor, "b c f h w"],
        timestep: Float[Tensor, "b"],
    ) -> Float[Tensor, ""]:
        """Mean squared error over frames 1 to F-1, weighted by timestep, mean over the samples.

        The gradient with respect to the prediction of frame 0 is exactly 0.
        """
        target = self._schedule.target(clean, noise, timestep)
        error = (predicted[:, :, 1:].float() - target[:, :, 1:].float()).square().mean(dim=(1, 2, 3, 4))
        return (error * self.weights(timestep).to(error)).mean()

    def weights(self, timestep: Float[Tensor, "b"]) -> Float[Tensor, "b"]:
        """How much each sample counts."""
        if self._choice.weighting == "bell":
            return _bell(timestep, self._schedule.train_steps) / self._bell_mean
        if self._choice.weighting == "min_snr":
            return self._min_snr(timestep)
        return torch.ones_like(timestep)

    def _min_snr(self, timestep: Float[Tensor, "b"]) -> Float[Tensor, "b"]:
        """Weights that cap the signal-to-noise ratio at `min_snr`.

        Source: Hang et al. 2023 (arXiv 2303.09556), Eq. 9, turned from clean latents to what the base predicts.
        """
        signal, level = self._schedule.factors(timestep)
        ratio = (signal / level).square()
        capped = ratio.clamp(max=self._choice.min_snr)
        if self._schedule.prediction == "v_prediction":
            return (capped / (ratio + 1)).float()
        if self._schedule.prediction == "sample":
            return capped.float()
        return (capped / ratio).float()


def _grid(schedule: Schedule) -> Tensor:
    """The timesteps that training draws, evenly in their probability."""
    return schedule.timestep_at((torch.arange(BELL_POINTS) + 0.5) / BELL_POINTS)


def _bell(timestep: Tensor, train_steps: int) -> Tensor:
    """Not normalised: exp(-2 ((t - T/2) / T)^2) without its smallest value, which is at both ends.

    Source: DiffSynth-Studio's flow-match scheduler, as used by the authors' Wan training.
    """
    middle = train_steps / 2
    lowest = torch.exp(torch.tensor(-0.5))
    return torch.exp(-2 * ((timestep - middle) / train_steps).square()) - lowest
