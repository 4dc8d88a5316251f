"""The loss: what goes in, what is judged, how timesteps are weighted."""

from __future__ import annotations

import pytest
import torch

from engine.recipe import LossChoice
from engine.sampling.schedule import schedule_of
from engine.training.objective import Objective
from registry_schema.errors import UsageProblem
from registry_schema.noise_schedule import Diffusion, Flow

EPSILON = Diffusion(betas="scaled_linear", beta_start=0.00085, beta_end=0.012)
VELOCITY = EPSILON.model_copy(update={"prediction": "v_prediction", "zero_terminal_snr": True})
SAMPLE = VELOCITY.model_copy(update={"prediction": "sample"})
SCHEDULES = [EPSILON, VELOCITY, SAMPLE, Flow(shift=5.0)]


def example(batch: int = 3) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    clean, noise = torch.randn(2, batch, 2, 4, 3, 5, generator=generator)
    return clean, noise, torch.tensor([20.0, 500.0, 999.0])[:batch]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_frame_0_goes_in_clean_and_the_others_noised(schedule):
    clean, noise, timestep = example()
    noisy = Objective(schedule, LossChoice()).noisy(clean, noise, timestep)
    assert torch.equal(noisy[:, :, 0], clean[:, :, 0])
    assert not torch.equal(noisy[:, :, 1:], clean[:, :, 1:])


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_gradient_at_the_prediction_of_frame_0_is_zero(schedule):
    clean, noise, timestep = example()
    predicted = torch.randn_like(clean).requires_grad_()
    Objective(schedule, LossChoice()).loss(predicted, clean, noise, timestep).backward()
    assert not predicted.grad[:, :, 0].any()
    assert predicted.grad[:, :, 1:].all()


@pytest.mark.parametrize(
    ("schedule", "answer"),
    [
        (EPSILON, lambda clean, noise: noise),
        (SAMPLE, lambda clean, noise: clean),
        (Flow(), lambda clean, noise: noise - clean),
    ],
)
def test_the_right_answer_costs_nothing_whatever_is_said_of_frame_0(schedule, answer):
    clean, noise, timestep = example()
    predicted = answer(clean, noise).clone()
    predicted[:, :, 0] = 17
    assert Objective(schedule, LossChoice()).loss(predicted, clean, noise, timestep) == 0


def test_a_plain_error_is_its_mean_square():
    clean, noise, timestep = example()
    assert Objective(EPSILON, LossChoice()).loss(noise + 2, clean, noise, timestep).item() == pytest.approx(4)


def test_the_bell_has_mean_1_over_what_is_drawn_and_is_highest_in_the_middle():
    objective = Objective(Flow(shift=5.0), LossChoice(weighting="bell"))
    drawn = objective.timesteps(torch.linspace(0, 0.9999, 5000))
    assert objective.weights(drawn).mean().item() == pytest.approx(1, abs=0.01)
    low, middle, high = objective.weights(torch.tensor([100.0, 500.0, 900.0])).tolist()
    assert middle > low > 0
    assert middle > high > 0


@pytest.mark.parametrize("schedule", [EPSILON, Flow()])
def test_noisy_timesteps_lie_mostly_near_pure_noise(schedule):
    fractions = torch.linspace(0, 0.9999, 5000)
    evenly = Objective(schedule, LossChoice()).timesteps(fractions)
    noisy = Objective(schedule, LossChoice(timesteps="noisy")).timesteps(fractions)
    assert (evenly > 840).float().mean().item() == pytest.approx(0.16, abs=0.01)
    assert (noisy > 840).float().mean().item() == pytest.approx(0.5, abs=0.01)
    assert noisy.min() < 150


def test_min_snr_caps_the_easy_timesteps():
    easy, hard = Objective(EPSILON, LossChoice(weighting="min_snr")).weights(torch.tensor([0.0, 900.0])).tolist()
    assert easy == pytest.approx(5 / (1 / 0.00085 - 1), rel=1e-3)
    assert hard == pytest.approx(1)
    at_pure_noise = Objective(VELOCITY, LossChoice(weighting="min_snr")).weights(torch.tensor([999.0]))
    assert at_pure_noise.isfinite().all()


def test_min_snr_means_the_same_whatever_is_predicted():
    """The weight of an error of the clean clip, once each prediction's own factor is taken out."""
    timestep = torch.tensor([100.0, 500.0, 900.0])
    signal, level = schedule_of(EPSILON).factors(timestep)
    choice = LossChoice(weighting="min_snr")
    of_sample = Objective(SAMPLE.model_copy(update={"zero_terminal_snr": False}), choice).weights(timestep)
    of_noise = Objective(EPSILON, choice).weights(timestep) * (signal / level).square()
    torch.testing.assert_close(of_sample, of_noise.float())


@pytest.mark.parametrize(("schedule", "weighting"), [(EPSILON, "bell"), (Flow(), "min_snr")])
def test_a_weighting_of_the_other_kind_of_schedule_is_refused(schedule, weighting):
    with pytest.raises(UsageProblem, match=f"loss weighting `{weighting}` does not go with a {schedule.kind} schedule"):
        Objective(schedule, LossChoice(weighting=weighting))
