"""Solvers step by step against the schedulers of diffusers, with a made-up denoiser."""

from __future__ import annotations

import pytest
import torch
from diffusers import DPMSolverMultistepScheduler, FlowMatchEulerDiscreteScheduler

from engine.sampling.schedule import schedule_of
from engine.sampling.solvers import Estimate, first_order_step, multistep_step
from tests.engine.sampling.test_schedule import SCHEDULES, ddim_of

STEPS = 10  # divides 1000: diffusers' DDIM takes even steps only, whatever its timesteps say

pytestmark = pytest.mark.filterwarnings(  # diffusers 0.42 makes numpy arrays of tensors the old way
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning",
    "ignore:__array_wrap__ must accept context:DeprecationWarning",
)


def made_up(noisy: torch.Tensor, timestep: float) -> torch.Tensor:
    """Any smooth function will do for a denoiser."""
    return torch.tanh(noisy * 0.7 + timestep / 1000) + 0.1 * noisy.roll(1, -1)


def our_walk(name: str, *, multistep: bool, timesteps: tuple[float, ...] | None = None) -> list[torch.Tensor]:
    schedule = schedule_of(SCHEDULES[name])
    timesteps = timesteps or schedule.timesteps(STEPS)
    levels = schedule.levels(STEPS)
    noisy, before, seen = start(), None, []
    for index, timestep in enumerate(timesteps):
        output, at = made_up(noisy, timestep), torch.tensor([timestep])
        now = Estimate(schedule.to_clean(output, noisy, at), levels[index])
        if multistep:
            noisy = multistep_step(noisy, now, to=levels[index + 1], before=before)
        else:
            noisy = first_order_step(now.clean, schedule.to_noise(output, noisy, at), to=levels[index + 1])
        before = now
        seen.append(noisy)
    return seen


def their_walk(scheduler) -> list[torch.Tensor]:
    noisy, seen = start(), []
    for timestep in scheduler.timesteps:
        noisy = scheduler.step(made_up(noisy, float(timestep)), timestep, noisy).prev_sample
        seen.append(noisy)
    return seen


def start() -> torch.Tensor:
    return torch.randn(1, 4, 2, 8, 8, generator=torch.Generator().manual_seed(3))


def assert_same(ours: list[torch.Tensor], theirs: list[torch.Tensor], tolerance: float = 2e-4) -> None:
    assert len(ours) == len(theirs)
    for step, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        assert torch.allclose(one, other, atol=tolerance, rtol=tolerance), f"step {step}: {(one - other).abs().max()}"


@pytest.mark.parametrize("name", ["epsilon", "linear", "v"])
def test_a_first_order_step_is_ddim(name):
    scheduler = ddim_of(SCHEDULES[name])
    scheduler.set_timesteps(STEPS)
    assert_same(our_walk(name, multistep=False), their_walk(scheduler))


def test_a_first_order_step_on_flow_is_eulers():
    scheduler = FlowMatchEulerDiscreteScheduler(shift=5.0)
    scheduler.set_timesteps(sigmas=[1 - step / STEPS for step in range(STEPS)])
    assert_same(our_walk("flow", multistep=False), their_walk(scheduler))


@pytest.mark.parametrize("name", ["epsilon", "linear", "v"])
def test_the_multistep_solver_is_dpm_solver_plus_plus(name):
    spec = SCHEDULES[name]
    scheduler = DPMSolverMultistepScheduler(
        beta_start=spec.beta_start,
        beta_end=spec.beta_end,
        beta_schedule=spec.betas,
        prediction_type=spec.prediction,
        rescale_betas_zero_snr=spec.zero_terminal_snr,
        solver_order=2,
        final_sigmas_type="zero",
    )
    timesteps = schedule_of(spec).timesteps(STEPS)
    scheduler.set_timesteps(timesteps=[int(timestep) for timestep in timesteps])
    # where nothing but noise is left diffusers puts a signal of 2^-12 instead of 0
    assert_same(our_walk(name, multistep=True), their_walk(scheduler), 5e-3 if name == "v" else 2e-4)


def test_a_perfect_denoiser_is_followed_home_by_both():
    schedule = schedule_of(SCHEDULES["v"])
    clean, noise = torch.randn(2, 1, 4, 2, 8, 8, dtype=torch.float64)
    for multistep in (False, True):
        noisy, before = schedule.add_noise(clean, noise, torch.tensor([999.0])), None
        levels = schedule.levels(6)
        for index, timestep in enumerate(schedule.timesteps(6)):
            now = Estimate(clean, levels[index])
            if multistep:
                noisy = multistep_step(noisy, now, to=levels[index + 1], before=before)
            else:
                output = schedule.target(clean, noise, torch.tensor([timestep]))
                noisy = first_order_step(
                    clean, schedule.to_noise(output, noisy, torch.tensor([timestep])), to=levels[index + 1]
                )
            before = now
        assert torch.allclose(noisy, clean)
