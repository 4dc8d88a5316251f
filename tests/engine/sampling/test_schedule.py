"""Noise schedules: against diffusers, and as laws between clean, noise and prediction."""

from __future__ import annotations

import pytest
import torch
from diffusers import DDIMScheduler, FlowMatchEulerDiscreteScheduler

from engine.sampling.schedule import CLEAN, cumulative_alphas, schedule_of
from registry_schema.noise_schedule import Diffusion, Flow

SCHEDULES = {
    "epsilon": Diffusion(betas="scaled_linear", beta_start=0.00085, beta_end=0.012, steps_offset=1),
    "linear": Diffusion(betas="linear", beta_start=0.00085, beta_end=0.012, spacing="trailing"),
    "v": Diffusion(
        betas="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        prediction="v_prediction",
        zero_terminal_snr=True,
        spacing="trailing",
    ),
    "flow": Flow(shift=5.0),
}
SCHEDULES["sample"] = SCHEDULES["v"].model_copy(update={"prediction": "sample"})
EVERY = pytest.mark.parametrize("name", SCHEDULES)


def ddim_of(spec: Diffusion) -> DDIMScheduler:
    return DDIMScheduler(
        beta_start=spec.beta_start,
        beta_end=spec.beta_end,
        beta_schedule=spec.betas,
        rescale_betas_zero_snr=spec.zero_terminal_snr,
        prediction_type=spec.prediction,
        timestep_spacing=spec.spacing,
        steps_offset=spec.steps_offset,
        clip_sample=False,
    )


@pytest.mark.parametrize("name", ["epsilon", "linear", "v", "sample"])
def test_a_diffusion_schedule_is_the_one_of_diffusers(name):
    spec, theirs = SCHEDULES[name], ddim_of(SCHEDULES[name])
    assert torch.allclose(cumulative_alphas(spec).float(), theirs.alphas_cumprod, atol=1e-5)
    for steps in (4, 20, 25, 50):
        theirs.set_timesteps(steps)
        assert schedule_of(spec).timesteps(steps) == tuple(theirs.timesteps.tolist())


def test_the_papers_schedule_has_its_numbers():
    schedule = schedule_of(SCHEDULES["epsilon"])
    timesteps = schedule.timesteps(50)
    assert (timesteps[:2], timesteps[-1]) == ((981, 961), 1)
    assert schedule.level(975).signal == pytest.approx(0.0787, abs=5e-5)
    assert schedule.level(975).signal ** 2 == pytest.approx(0.006196, abs=5e-7)


def test_a_flow_schedule_is_the_one_of_diffusers():
    theirs = FlowMatchEulerDiscreteScheduler(shift=5.0)
    theirs.set_timesteps(sigmas=[1 - step / 50 for step in range(50)])
    ours = schedule_of(SCHEDULES["flow"])
    assert torch.allclose(torch.tensor(ours.timesteps(50)), theirs.timesteps, atol=1e-3)
    assert torch.allclose(torch.tensor([level.noise for level in ours.levels(50)]), theirs.sigmas, atol=1e-6)
    assert ours.start_level(975, 50).noise == pytest.approx(0.9735, abs=5e-5)


def test_zero_terminal_snr_leaves_noise_only_at_the_end():
    schedule = schedule_of(SCHEDULES["v"])
    assert schedule.level(999).signal == 0
    assert schedule.level(999).noise == 1
    assert schedule.timesteps(20)[0] == 999


@EVERY
def test_a_perfect_prediction_gives_clean_and_noise_back(name):
    schedule = schedule_of(SCHEDULES[name])
    clean, noise = torch.randn(2, 3, 4, 2, 5, 5, dtype=torch.float64)
    timestep = torch.tensor([3.0, 420.0, 950.0])
    noisy = schedule.add_noise(clean, noise, timestep)
    output = schedule.target(clean, noise, timestep)
    assert torch.allclose(schedule.to_clean(output, noisy, timestep), clean)
    assert torch.allclose(schedule.to_noise(output, noisy, timestep), noise)


@EVERY
def test_noise_grows_from_clean_to_start(name):
    levels = schedule_of(SCHEDULES[name]).levels(20)
    assert levels[-1] == CLEAN
    noise, signal = [level.noise for level in levels], [level.signal for level in levels]
    assert noise == sorted(noise, reverse=True)
    assert signal == sorted(signal)


@EVERY
def test_training_meets_timesteps_of_the_whole_schedule(name):
    schedule = schedule_of(SCHEDULES[name])
    timestep = schedule.timestep_at(torch.linspace(0, 1, 10_001)[:-1])
    signal, noise = schedule.factors(timestep)
    assert torch.isfinite(signal).all()
    assert torch.isfinite(noise).all()
    if name == "flow":
        assert timestep.max() == 1000
        assert 0 < timestep.min() < 1
        assert timestep.median() > 700  # the shift spends most of training on strong noise
    else:
        assert timestep.unique().tolist() == list(range(1000))
