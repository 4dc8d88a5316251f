"""Flow finds known motion, is the same on any number of threads, and zero flow changes nothing."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from engine.video.optical_flow import disagreement, flow, resized_flow, warped
from tests.engine.video.drawn_motion import BASE, MOTIONS, at_base, moved, sources, textured


@pytest.mark.parametrize("motion", MOTIONS)
def test_known_motion_is_found_to_a_quarter_of_a_pixel(motion):
    first, *_, last = at_base(moved(textured(640, 400), motion, frames=2))
    found = flow(last, first)
    columns, rows = sources(motion, 1.0, *BASE)
    known = np.stack([columns - np.arange(BASE[0]), rows - np.arange(BASE[1])[:, None]], axis=-1)
    inner = (slice(6, -6), slice(6, -6))
    assert np.linalg.norm(found - known, axis=-1)[inner].mean() < 0.25


def test_frames_that_are_alike_have_no_flow_and_zero_flow_changes_nothing():
    frame = textured(*BASE)
    still = flow(frame, frame)
    assert not still.any()
    np.testing.assert_array_equal(warped(frame, still), frame)
    assert not disagreement(still, still).any()


def test_a_guess_finds_motion_that_is_too_wide_to_be_found_without():
    picture = at_base(np.stack([textured(1280, 400)]), (256, 80))[0]
    one, other = picture[:, 80:208], picture[:, 56:184]
    known = np.zeros((80, 128, 2), dtype=np.float32)
    known[..., 0] = 24
    found = flow(one, other, guess=known * 0.9)
    assert np.abs(found - known)[8:-8, 8:96].mean() < 0.25


def test_the_same_frames_give_the_same_flow_on_any_number_of_threads():
    first, last = at_base(moved(textured(640, 400), "waves", frames=2))
    before = cv2.getNumThreads()
    try:
        found = []
        for threads in (1, 2, 4):
            cv2.setNumThreads(threads)
            found.append(flow(last, first))
            assert cv2.getNumThreads() == threads
    finally:
        cv2.setNumThreads(before)
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


def test_ways_that_leave_the_frame_or_do_not_lead_home_are_doubted():
    there = np.zeros((20, 30, 2), dtype=np.float32)
    there[..., 0] = 4
    doubt = disagreement(there, -there)
    assert not doubt[:, :25].any()
    assert np.isinf(doubt[:, 26:]).all()
    assert (disagreement(there, there)[:, :20] > 5).all()


def test_a_resized_flow_speaks_of_the_new_pixels():
    of = np.ones((80, 128, 2), dtype=np.float32)
    large = resized_flow(of, (1280, 400))
    np.testing.assert_allclose(large[..., 0], 10, rtol=1e-5)
    np.testing.assert_allclose(large[..., 1], 5, rtol=1e-5)
