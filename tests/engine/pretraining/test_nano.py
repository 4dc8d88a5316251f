"""Pretraining: the plan of its time, and a run that goes on where it stopped."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import engine
from engine.bases.catalog import load_base
from engine.bases.image_encoder import ImageEncoder
from engine.bases.motion_autoencoder import MotionAutoencoder
from engine.bases.photo_view import PhotoView
from engine.pretraining.examples import (
    ABSENT,
    CANVAS,
    CONDITIONS,
    FRAMES,
    LABELLED,
    MOTIONS,
    condition_weights,
    draw_example,
)
from engine.pretraining.image_encoder import MOTIONS as ENCODED_MOTIONS
from engine.pretraining.nano import OUTPUT, Plan, Run, widened
from engine.pretraining.network import Pretraining, build_denoiser
from engine.pretraining.scenes.catalog import CAMERAS, ELEMENTS, STILL, draw_clip

NANO = Path(engine.__file__).parent / "bases" / "nano"
ENCODER = ImageEncoder(len(LABELLED), ENCODED_MOTIONS).eval()


def test_the_rate_warms_up_stays_and_falls_to_zero():
    plan = Plan(seconds=1000)
    assert plan.rate(0, 0) == pytest.approx(plan.learning_rate / plan.warmup_steps)
    assert plan.rate(5000, 300) == plan.learning_rate
    assert plan.rate(5000, 1000 - plan.cooldown_share * 500) == pytest.approx(plan.learning_rate / 2)
    assert plan.rate(5000, 1000) == 0


def test_some_motions_are_kept_for_later():
    assert not set(ABSENT) & set(CONDITIONS)


def test_every_motion_but_the_absent_is_shown():
    assert set(MOTIONS) == {STILL, *ELEMENTS, *CAMERAS} - set(ABSENT)


def test_pairs_of_frames_come_first_with_whole_clips_between_and_reach_every_frame():
    plan = Plan(seconds=1000, pairs_share=0.5, whole_clip_every=4)
    shown = [plan.shown(step, 499) for step in range(200)]
    whole = tuple(range(FRAMES))
    assert [step for step in range(12) if shown[step] == whole] == [3, 7, 11]
    pairs = [frames for frames in shown if frames != whole]
    assert {first for first, _ in pairs} == {0}
    assert {other for _, other in pairs} == set(range(1, FRAMES))
    assert plan.shown(0, 500) == whole


@pytest.mark.parametrize("seed", range(0, 20, 2))
def test_an_example_has_as_many_origins_as_pixels_and_frame_0_comes_from_itself(seed: int):
    example = draw_example(seed)
    assert example.frames.shape == (3, 16, 80, 128)
    assert example.origin.shape == (2, 16, 80, 128)
    assert example.origin[:, 0].abs().max() < 1e-3  # pixels: places are computed there and back in float32


@pytest.mark.parametrize("motion", ["clouds", "birds-flying", "camera-zoom-in"])
def test_some_frames_of_a_clip_are_those_of_the_whole(motion: str):
    whole = draw_clip(5, motion, CANVAS)
    some = draw_clip(5, motion, CANVAS, shown=(0, 6, 15))
    assert torch.allclose(some.frames, whole.frames[[0, 6, 15]], atol=1e-5)
    assert torch.allclose(some.origin, whole.origin[[0, 6, 15]], atol=1e-3)


def test_a_picture_says_where_each_thing_is_and_what_lies_in_front_hides_it():
    clip = draw_clip(3, "waterfall", CANVAS, others=("clouds", "birds-flying"), shown=(0, 1))
    assert set(clip.present) == {"waterfall", "clouds", "birds-flying"}
    assert all(0 < float(place.mean()) < 1 for place in clip.present.values())
    hidden = clip.present["birds-flying"] > 0.999
    assert hidden.any()
    assert clip.present["waterfall"][hidden].max() < 0.001
    assert clip.present["clouds"][hidden].max() < 0.001


def test_a_third_of_what_could_move_moves_beside_another_and_what_is_not_named_mostly_rests():
    drawn = [draw_example(seed, (0, 8)) for seed in range(0, 800, 2)]
    parts = torch.stack([example.weights for example in drawn])
    null = CONDITIONS.index("null")
    unnamed = parts[:, null] == 1
    assert 0.11 < unnamed.float().mean() < 0.19
    two = (parts[~unnamed, : len(MOTIONS)] > 0).sum(1) == 2
    assert 0.2 < two.float().mean() < 0.4
    rests = torch.tensor([bool((example.frames[:, 1] == example.frames[:, 0]).all()) for example in drawn])
    assert 0.55 < rests[unnamed].float().mean() < 0.9
    assert rests[~unnamed].float().mean() < 0.3


def test_frames_shown_are_known_by_their_places_in_the_whole_clip():
    model = Pretraining(PhotoView(MotionAutoencoder(), ENCODER)).eval()
    places = {name: value.clone() for name, value in model.state_dict().items() if name.endswith(".pe")}
    latents, weights = torch.randn(1, MotionAutoencoder.channels, 2, 4, 4), condition_weights(("clouds",))[None]
    with torch.no_grad():
        beginning = model(latents, torch.tensor([500]), weights)
        with model.frames_shown((0, 9)):
            later = model(latents, torch.tensor([500]), weights)
        again = model(latents, torch.tensor([500]), weights)
    assert not torch.equal(beginning, later)
    assert torch.equal(beginning, again)
    assert all(torch.equal(model.state_dict()[name], value) for name, value in places.items())


def test_conditions_name_what_moves_which_way_or_nothing():
    def named(weights: torch.Tensor) -> dict[str, float]:
        return {CONDITIONS[index]: float(weights[index]) for index in weights.nonzero().flatten()}

    assert set(MOTIONS) < set(CONDITIONS)
    assert named(condition_weights(("clouds",))) == {"clouds": 1}
    assert named(condition_weights(("clouds", "raining"))) == {"clouds": 0.5, "raining": 0.5}
    assert named(condition_weights(("clouds",), mirrored=True)) == {"clouds": 1, "mirrored": 1}
    assert named(condition_weights((), mirrored=True)) == {"null": 1}


def test_the_network_is_as_large_as_said():
    with torch.device("meta"):
        count = sum(parameter.numel() for parameter in build_denoiser().parameters())
    assert 15e6 < count < 16e6


def test_a_run_can_begin_with_an_exported_base():
    run = Run(Path("unused"), Plan(seconds=1), ENCODER)
    before = run.model.conditions[CONDITIONS.index("clouds")].clone()
    run.start_from(NANO)
    assert not torch.equal(run.model.conditions[CONDITIONS.index("clouds")], before)
    for name, value in load_base(NANO, device=torch.device("cpu"), dtype=torch.float32).denoiser.state_dict().items():
        taken = run.model.denoiser.state_dict()[name]
        if name not in OUTPUT:
            assert torch.equal(taken[tuple(map(slice, value.shape))], value), name
    assert all(torch.equal(run.state.average[name], value) for name, value in run.model.state_dict().items())


def test_of_a_denoiser_that_is_widened_new_inputs_count_nothing_and_gates_are_closed():
    narrow, model = build_denoiser(), Pretraining(PhotoView(MotionAutoencoder(), ENCODER)).eval()
    seen, said = 20, MotionAutoencoder.channels
    weights = narrow.state_dict()
    weights["conv_in.weight"] = weights["conv_in.weight"][:, :seen]
    weights |= {name: weights[name][:said] for name in ("conv_out.weight", "conv_out.bias")}
    model.denoiser.load_state_dict(widened(weights, model.denoiser.state_dict()))
    assert torch.count_nonzero(model.denoiser.conv_in.weight[:, seen:]) == 0
    noisy = torch.randn(1, said, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        whole = model.denoiser(model.view.beside(noisy), torch.tensor([500]), torch.zeros(2, 4, 128)).sample
    assert whole[:, said:].sigmoid().max() < 0.02


def test_a_run_that_goes_on_from_a_base_shows_new_clips():
    first, second = (Run(Path("unused"), Plan(seconds=1, steps_before=before), ENCODER) for before in (0, 1))
    first.state.step = 1
    for one, other in zip(first.examples((0, 3)), second.examples((0, 3)), strict=True):
        assert torch.equal(one.frames, other.frames)
    assert not torch.equal(Run(Path("unused"), Plan(seconds=1), ENCODER).examples((0, 3))[0].frames, one.frames)


@pytest.mark.acceptance
def test_a_stopped_run_goes_on_to_the_same_weights(tmp_path):
    plan = Plan(seconds=3600, frames_a_step=4)
    whole = Run(tmp_path / "whole", plan, ENCODER)
    for _ in range(3):
        whole.take_step()
    first = Run(tmp_path / "stopped", plan, ENCODER)
    first.take_step()
    first.state.save(tmp_path / "stopped")
    second = Run(tmp_path / "stopped", plan, ENCODER)
    second.state.resume(tmp_path / "stopped")
    for _ in range(2):
        second.take_step()
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, second.model.state_dict()[name]), name
    assert all(torch.equal(value, second.state.average[name]) for name, value in whole.state.average.items())
