"""Enlarged clips: still ones are the photo itself, moving ones keep its detail, grain does not shimmer."""

from __future__ import annotations

import time

import numpy as np
import pytest
import skimage.data

from engine.video.detail_carry import BaseClip, carry_detail, enlarge_clip, motions
from engine.video.framed_picture import to_base, to_picture
from engine.video.framing import plan_framing
from tests.engine.video.drawn_motion import BASE, MOTIONS, at_base, lanczos, moved, psnr, textured, with_grain
from tests.photographs import at_size

PICTURES = {
    "drawn": lambda: textured(640, 400),
    "coffee": lambda: at_size("coffee", 600, 375),
    "china": lambda: at_size("china", 640, 400),
    "hubble": lambda: lanczos(skimage.data.hubble_deep_field()[:545], (640, 400)),
}


@pytest.mark.parametrize("name", ["coffee", "china"])
@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_a_clip_without_motion_enlarges_to_exactly_the_photo(name, fit):
    photo = at_size(name, 601, 407)
    framing = plan_framing((601, 407), BASE, fit=fit)
    picture = to_picture(photo, framing)
    decoded = np.repeat(to_base(photo, framing)[None], 5, axis=0)
    decoded = (decoded * 0.9 + 8).astype(np.uint8)
    clip = enlarge_clip(BaseClip(decoded), picture, framing)
    np.testing.assert_array_equal(clip, np.repeat(photo[None, :406, :600], 5, axis=0))


@pytest.mark.parametrize("motion", MOTIONS)
@pytest.mark.parametrize("name", PICTURES)
def test_detail_is_at_least_two_decibels_above_lanczos_at_the_last_frame(name, motion):
    picture = PICTURES[name]()
    truth = moved(picture, motion)
    base_frames = at_base(truth)
    size = (picture.shape[1], picture.shape[0])
    gain = psnr(carry_detail(BaseClip(base_frames), picture)[-1], truth[-1]) - psnr(
        lanczos(base_frames[-1], size), truth[-1]
    )
    assert gain > 2


@pytest.mark.parametrize("motion", ["rotation", "local"])
def test_grain_leaves_most_of_the_gain(motion):
    picture = PICTURES["drawn"]()
    truth = moved(picture, motion)
    base_frames = with_grain(at_base(truth), 4, block=4)
    plain = psnr(lanczos(base_frames[-1], (640, 400)), truth[-1])
    assert psnr(carry_detail(BaseClip(base_frames), picture)[-1], truth[-1]) - plain > 2


@pytest.mark.parametrize(("deviation", "block"), [(2, 1), (5, 1), (3, 4), (5, 4)])
def test_where_only_grain_changes_the_photo_shows(deviation, block):
    picture = PICTURES["china"]()
    still = np.repeat(at_base(picture[None]), 8, axis=0)
    clip = carry_detail(BaseClip(with_grain(still, deviation, block=block)), picture)
    assert psnr(clip[1:], np.repeat(picture[None], 7, axis=0)) > 48
    assert clip[1:].astype(np.float32).std(axis=0).mean() < 0.3


def test_grain_around_a_motion_leaves_the_ground_alone():
    picture = PICTURES["drawn"]()
    truth = moved(picture, "local")
    clip = carry_detail(BaseClip(with_grain(at_base(truth), 3, block=4)), picture)
    corner = (slice(None), slice(0, 60), slice(0, 80))
    assert psnr(clip[corner], truth[corner]) > 45
    middle = (-1, slice(150, 250), slice(220, 420))
    assert psnr(clip[middle], truth[middle]) > psnr(np.stack([picture])[0][middle[1:]], truth[middle]) + 5


def test_new_content_comes_from_the_base_and_light_changes_keep_the_detail():
    picture = PICTURES["drawn"]()
    base_frames = np.repeat(at_base(picture[None]), 3, axis=0)
    base_frames[1:, 20:60, 40:90] = (250, 240, 20)
    clip = carry_detail(BaseClip(base_frames), picture)
    assert np.abs(clip[1, 140:260, 240:410].astype(int) - (250, 240, 20)).mean() < 3

    darker = np.repeat(at_base(picture[None]), 3, axis=0)
    darker[1:] = (darker[1:] * 0.9).astype(np.uint8)
    dark_picture = (picture * 0.9).astype(np.uint8)
    dark = carry_detail(BaseClip(darker), picture)[1]
    assert psnr(dark, dark_picture) > psnr(lanczos(darker[1], (640, 400)), dark_picture) + 2


def test_motion_is_zero_and_certain_where_nothing_moves():
    base_frames = np.repeat(at_base(textured(640, 400)[None]), 3, axis=0)
    for motion in motions(base_frames):
        assert not motion.origin.any()
        assert not motion.change.any()
        assert (motion.trust == 1).all()


def test_outputs_smaller_than_the_base_and_single_frames_work():
    picture = textured(64, 40)
    base_frames = at_base(moved(textured(640, 400), "shift", frames=3))
    assert carry_detail(BaseClip(base_frames), picture).shape == (3, 40, 64, 3)
    np.testing.assert_array_equal(carry_detail(BaseClip(base_frames[:1]), picture)[0], picture)


def test_frame_0_is_the_resized_photo_and_the_surroundings_stay_untouched():
    photo = at_size("coffee", 600, 400)
    framing = plan_framing((600, 400), BASE)
    picture = to_picture(photo, framing)
    base_frames = at_base(moved(photo[12:388], "shift", frames=4))
    clip = enlarge_clip(BaseClip(base_frames), picture, framing)
    np.testing.assert_array_equal(clip[0], photo)
    top, height = int(framing.window.top), int(framing.window.height)
    for frame in clip:
        np.testing.assert_array_equal(frame[:top], photo[:top])
        np.testing.assert_array_equal(frame[top + height :], photo[top + height :])
    assert (clip[-1, 60:340] != photo[60:340]).mean() > 0.5


@pytest.mark.acceptance
def test_sixteen_frames_at_1280x800_take_less_than_three_seconds():
    picture = textured(1280, 800)
    base_frames = at_base(moved(picture, "rotation", frames=16))
    start = time.process_time()
    carry_detail(BaseClip(base_frames), picture)
    assert time.process_time() - start < 3
