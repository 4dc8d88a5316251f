"""The measures of the starter-quality suite: their laws on clips whose answers are known."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from engine.bases.base_folder import read_base_spec
from engine.pretraining.quality.background import background_psnr
from engine.pretraining.quality.classifier import MotionClassifier
from engine.pretraining.quality.clip_motion import motion_of
from engine.pretraining.quality.motions import ABSENT, CLASSES, EVERYWHERE, PAIRS, SUBJECTS
from engine.pretraining.quality.pairs import CLIPS, Share, try_pair
from engine.pretraining.quality.real_clips import Stream, other_things, real_clip, real_pair
from engine.pretraining.quality.starters import find_starters
from engine.pretraining.quality.strength import flow_size, strength, where_seen
from engine.pretraining.quality.suite import measure
from engine.pretraining.quality.trained_classifier import TrainedClassifier
from engine.pretraining.quality.trials import clips_of, try_motion
from engine.pretraining.scenes.draws import Draws
from engine.pretraining.starter_recipes import STARTERS
from engine.progress import SilentPhase, SilentProgress

PACKAGED = Path(__file__).parents[3] / "mivactl" / "starter"


class Replayer:
    """Stands in for the animator: plays true clips, or the picture alone where no starter is on."""

    lone_weight = 1.0

    def __init__(self, *real):
        self.starters = {clip.motion: None for clip in real}
        self._real = {clip.motion: clip for clip in real}

    def animate(self, picture, weights, *, seed):
        """Each motion is seen in as many of the frames as it weighs, spread evenly."""
        frames = np.repeat(picture[None], 16, axis=0)
        for motion, weight in weights.items():
            clip = self._real[motion]
            place = np.round(np.arange(16) * weight).astype(int)
            frames = np.where(clip.region[None, ..., None], clip.frames[place], frames)
        return frames


@pytest.fixture(scope="module")
def fall():
    return real_clip("waterfall", Stream.PICTURES, 1)


@pytest.fixture(scope="module")
def fall_motion(fall):
    return motion_of(fall.frames)


def test_what_is_measured_of_which():
    assert len(STARTERS) == 11
    assert ABSENT == ("camera-zoom-out", "helicopter-hovering")
    assert set(EVERYWHERE) == {"raining", "camera-pan-right", "camera-zoom-out"}
    assert set(STARTERS) - set(SUBJECTS) == {*EVERYWHERE, "fireworks"}
    assert all(set(pair) <= set(SUBJECTS) for pair in PAIRS)
    assert len({frozenset(pair) for pair in PAIRS}) == 5


@pytest.mark.parametrize("motion", ["waterfall", "raining"])
def test_a_real_clip_is_exactly_as_strong_as_itself_and_a_still_one_not_at_all(motion, fall, fall_motion):
    real = replace(fall, motion=motion)
    still = motion_of(np.repeat(fall.frames[:1], 16, axis=0))
    assert strength(fall_motion, fall_motion, real) == 1
    assert strength(still, fall_motion, real) == 0


def test_noise_on_plain_surfaces_is_no_motion(fall):
    """A clip that stands still but for noise of three levels; half of its region is plain."""
    plain = fall.frames.copy()
    plain[:, :, :64] = 128
    real = replace(fall, frames=plain, region=np.ones_like(fall.region))
    where = where_seen(real)
    assert not where[:, :, :58].any()
    assert where[:, :, 70:].mean() > 0.3
    whole = np.broadcast_to(real.region, where.shape)
    noisy = np.random.default_rng(0).normal(plain[:1], 3.0, plain.shape).clip(0, 255).astype(np.uint8)
    motion = motion_of(noisy)
    assert flow_size(motion, where) < 0.5 * flow_size(motion, whole)
    flat = replace(real, frames=np.full_like(plain, 128))
    assert where_seen(flat).all()


def test_a_still_background_is_kept_without_end_and_what_moves_in_the_region_does_not_count(fall):
    picture = fall.frames[0]
    assert background_psnr(np.repeat(picture[None], 16, axis=0), picture, fall.region) == math.inf
    assert background_psnr(fall.frames, picture, fall.region) == math.inf
    assert background_psnr(fall.frames, picture, ~fall.region) < 40
    assert background_psnr(fall.frames, picture, np.ones_like(fall.region)) is None


def test_an_error_of_one_level_outside_the_region_has_the_psnr_of_one_level(fall):
    picture = fall.frames[0].clip(0, 254)
    frames = np.repeat(picture[None] + np.uint8(1), 16, axis=0)
    assert background_psnr(frames, picture, fall.region) == pytest.approx(20 * math.log10(255))


def test_the_other_things_are_never_the_one_that_moves():
    for motion in CLASSES:
        for seed in range(10):
            one, two = (other_things(motion, Draws(seed), wanted=wanted) for wanted in (False, True))
            assert motion not in {*one, *two}
            assert len(set(two)) == len(two) == (2 if motion in {*EVERYWHERE, "still"} else 1)
            assert len(one) == (motion == "still")


def test_a_pair_begins_with_one_picture_and_its_regions_share_no_pixel():
    first, second = real_pair("clouds", "waterfall", 0)
    assert np.array_equal(first.frames[0], second.frames[0])
    assert not (first.region & second.region).any()
    assert first.region.mean() > 0.01
    assert second.region.mean() > 0.01


def test_an_animator_that_knows_the_true_clip_is_as_strong_and_keeps_the_background():
    real = real_clip("clouds", Stream.PICTURES, 0)
    animator, classifier = Replayer(real), MotionClassifier()
    found = try_motion("clouds", animator, classifier, pictures=1, phase=SilentPhase())
    assert clips_of("clouds", animator, pictures=1) == 2
    (trial,) = found.trials
    assert trial.strength == 1
    assert trial.background == math.inf
    assert found.real.pairs == found.named.pairs
    assert found.named_of_two.pairs == ()
    assert found.alone.pairs[0][0] == "clouds"


def test_a_motion_without_a_starter_is_told_as_such():
    trained = TrainedClassifier(MotionClassifier(), SimpleNamespace(among=lambda _: None))
    found = measure(("clouds", "waterfall"), Replayer(), trained, pictures=1, progress=SilentProgress())
    assert [trials.trials for trials in found.motions] == [None, None]
    assert found.missing == (("waterfall", "clouds"),)
    assert found.pairs == ()
    assert len(found.still.pairs) == 11


def test_a_pair_that_plays_slower_at_lower_weights_rises_with_them():
    real = real_pair("waterfall", "clouds", 0)
    found = try_pair(("waterfall", "clouds"), Replayer(*real), pictures=1, phase=SilentPhase())
    assert CLIPS == 5
    assert found.motions == ("waterfall", "clouds")
    assert len(found.frames) == 1
    for share in found.shares:
        assert 0 < share.beside[0.25] < share.alone
        assert share.kept == share.beside[0.5] / share.alone


def test_a_share_is_kept_and_rises():
    share = Share("clouds", alone=2.0, beside={0.25: 0.2, 0.5: 1.0, 0.75: 1.5})
    assert share.kept == 0.5
    assert share.rises
    assert not Share("clouds", alone=2.0, beside={0.25: 0.2, 0.5: 1.0, 0.75: 1.0}).rises
    assert Share("clouds", alone=0.0, beside={0.25: 0.0, 0.5: 0.0, 0.75: 0.0}).kept == 0


def test_starters_are_found_in_a_registry_and_among_drafts(tmp_path):
    base = read_base_spec("nano").base_identity
    found = find_starters(PACKAGED, STARTERS, base)
    assert {"waterfall", "clouds"} <= set(found)
    assert all(starter.weights.is_file() for starter in found.values())
    spec = found["clouds"].spec
    (tmp_path / "clouds").mkdir()
    (tmp_path / "clouds" / "adapter.json").write_text(json.dumps(spec.plain()))
    drafted = find_starters(tmp_path, STARTERS, base)
    assert drafted["clouds"].spec == spec
    assert drafted["clouds"].weights == tmp_path / "clouds" / "adapter.safetensors"
    assert set(drafted) == {"clouds"}


def test_starters_for_another_base_are_not_found():
    base = read_base_spec("nano").base_identity
    other = base.model_copy(update={"weights": base.architecture})
    assert find_starters(PACKAGED, STARTERS, other) == {}
