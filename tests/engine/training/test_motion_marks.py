"""The two numbers that clips and previews are held to, and the search for copies of training frames."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from engine.training.copies import TrainedFrames
from engine.training.motion_marks import BEST_PSNR, mean_marks, motion_marks


def picture(seed: int, *, height: int = 48, width: int = 64) -> np.ndarray:
    small = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


def sliding(seed: int, speed: int, *, count: int = 6) -> np.ndarray:
    wide = picture(seed, width=64 + speed * count)
    return np.stack([wide[:, place * speed : place * speed + 64] for place in range(count)])


def fading(seed: int, towards: int, *, count: int = 6) -> np.ndarray:
    start, goal = picture(seed).astype(float), picture(towards).astype(float)
    return np.stack([start + (goal - start) * share for share in np.linspace(0, 1, count)]).astype(np.uint8)


def test_a_still_clip_does_not_move_and_keeps_its_picture():
    marks = motion_marks(np.repeat(picture(1)[None], 5, axis=0))
    assert marks.flow < 0.05
    assert marks.kept == BEST_PSNR


def test_motion_is_the_speed_of_what_is_seen():
    slow, fast = motion_marks(sliding(1, 1)), motion_marks(sliding(1, 3))
    assert slow.flow == pytest.approx(1, rel=0.25)
    assert fast.flow == pytest.approx(3, rel=0.25)


def test_what_moves_keeps_its_picture_and_what_dissolves_does_not():
    assert motion_marks(sliding(1, 2)).kept > motion_marks(fading(1, 2)).kept + 6


def test_a_single_frame_stands_still():
    assert motion_marks(picture(1)[None]).flow == 0


def test_the_mean_of_clips_is_the_mean_of_their_marks():
    one, other = motion_marks(sliding(1, 1)), motion_marks(sliding(2, 2))
    assert mean_marks([one, other]).flow == pytest.approx((one.flow + other.flow) / 2)


def test_a_preview_that_turns_into_a_training_frame_is_named():
    trained = TrainedFrames([("a.gif", sliding(1, 1)), ("b.gif", sliding(2, 1))])
    assert trained.copied(fading(7, 2), own=None) == "b.gif"
    assert trained.copied(fading(7, 2), own="b.gif") is None


def test_a_preview_that_moves_or_begins_near_a_clip_is_no_copy():
    trained = TrainedFrames([("a.gif", sliding(1, 1)), ("b.gif", sliding(2, 1))])
    assert trained.copied(sliding(7, 2), own=None) is None
    assert trained.copied(sliding(1, 1), own=None) is None
