"""Framings: exact pixels where nothing is scaled, even sides, the right aspect, and a picture that fits the frames."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.video.framed_picture import resized, to_base, to_output, to_picture
from engine.video.framing import Box, Size, plan_framing
from registry_schema.errors import UsageProblem
from tests.engine.video.drawn_motion import psnr, textured
from tests.photographs import at_size

BASE = (128, 80)
FITS = ("crop", "pad", "stretch")
sides = st.integers(40, 5000)
sizes = st.one_of(st.just("photo"), st.just("base"), st.tuples(st.integers(40, 2000), st.integers(40, 2000)))


def inside(box: Box, size: Size) -> bool:
    slack = 1e-6
    return (
        min(box.left, box.top) >= -slack
        and box.left + box.width <= size.width + slack
        and box.top + box.height <= size.height + slack
    )


@given(sides, sides, sizes, st.sampled_from(FITS), st.booleans())
def test_every_framing_holds_together(width, height, size, fit, whole):
    if max(width, height) / min(width, height) > 40:
        width = height
    plan = plan_framing((width, height), BASE, size=size, fit=fit, whole=whole)
    assert plan.output_size.width % 2 == plan.output_size.height % 2 == 0
    assert max(plan.output_size) <= (1280 if size == "photo" else 2000)
    assert sorted(plan.base_size) == sorted(BASE)
    assert inside(plan.photo_box, plan.photo_size)
    assert inside(plan.frame_box, plan.photo_size)
    for box, size_around in (
        (plan.picture_box, plan.output_size),
        (plan.window, plan.output_size),
        (plan.base_window, plan.base_size),
        (plan.frame_area, plan.base_size),
    ):
        assert inside(box, size_around)
        assert min(box.width, box.height) >= 2
        assert all(value == int(value) for value in box)
    if whole and fit == "crop":
        assert plan.covers_output


@given(sides, sides)
def test_crop_never_squashes_by_more_than_rounding(width, height):
    if max(width, height) / min(width, height) > 10:
        width = height
    plan = plan_framing((width, height), BASE)
    aspect = plan.window.width / plan.window.height
    wanted = plan.base_size.width / plan.base_size.height
    assert abs(aspect / wanted - 1) < 4 / min(plan.window.width, plan.window.height)


@pytest.mark.parametrize(("photo", "options", "output", "base"), [
    ((4000, 3000), {}, (1280, 960), (128, 80)),
    ((3000, 4000), {}, (960, 1280), (80, 128)),
    ((641, 427), {}, (640, 426), (128, 80)),
    ((640, 640), {}, (640, 640), (128, 80)),
    ((640, 427), {"whole": True}, (640, 400), (128, 80)),
    ((4000, 3000), {"long_side": 640}, (640, 480), (128, 80)),
    ((4000, 3000), {"size": "base"}, (128, 80), (128, 80)),
    ((3000, 4000), {"size": "base", "fit": "pad"}, (80, 128), (80, 128)),
    ((4000, 3000), {"size": (301, 500)}, (300, 500), (80, 128)),
    ((4000, 3000), {"size": (500, 300), "whole": True}, (500, 300), (128, 80)),
])  # fmt: skip
def test_output_and_base_sizes(photo, options, output, base):
    plan = plan_framing(photo, BASE, **options)
    assert (plan.output_size, plan.base_size) == (output, base)


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("size", [(640, 426), (641, 427), (426, 640)])
def test_an_unscaled_photo_keeps_its_pixels(size, fit):
    photo = textured(*size)
    plan = plan_framing(size, BASE, fit=fit)
    picture = to_picture(photo, plan)
    np.testing.assert_array_equal(picture, photo[: picture.shape[0], : picture.shape[1]])


def test_whole_keeps_the_pixels_of_the_crop():
    photo = textured(641, 427)
    plan = plan_framing((641, 427), BASE, whole=True)
    np.testing.assert_array_equal(to_picture(photo, plan), photo[13:413, :640])


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("size", ["photo", "base", (640, 640), (700, 300)])
def test_the_base_sees_what_its_window_shows(size, fit, whole):
    photo = at_size("china", 640, 427)
    plan = plan_framing((640, 427), BASE, size=size, fit=fit, whole=whole)
    frame, picture = to_base(photo, plan), to_picture(photo, plan)
    assert frame.shape == (plan.base_size.height, plan.base_size.width, 3)
    assert picture.shape == (plan.output_size.height, plan.output_size.width, 3)
    window = picture[plan.window.rows_and_columns]
    seen = frame[plan.base_window.rows_and_columns]
    assert psnr(resized(window, (seen.shape[1], seen.shape[0])), seen) > 30


def test_padding_is_black_in_the_picture_and_edge_pixels_in_the_frame():
    photo = np.full((300, 300, 3), 200, dtype=np.uint8)
    plan = plan_framing((300, 300), BASE, size=(400, 200), fit="pad")
    picture = to_picture(photo, plan)
    assert not picture[:, :99].any()
    assert (picture[:, 100:300] == 200).all()
    assert (to_base(photo, plan) == 200).all()


def test_motion_fades_at_inner_edges_only():
    plan = plan_framing((640, 480), BASE)
    picture = np.zeros((480, 640, 3), dtype=np.uint8)
    moving = np.full((2, int(plan.window.height), 640, 3), 200, dtype=np.uint8)
    frame = to_output(moving, picture, plan)[1]
    assert (frame[240] == 200).all()
    assert (frame[plan.window.rows_and_columns][0] < 5).all()
    assert not frame[: int(plan.window.top)].any()


@pytest.mark.parametrize(("photo", "options", "message"), [
    ((1000, 9), {}, "the photo of 1000x9 gives 1000x8, each side must have 16 to 8192 pixels"),
    ((640, 480), {"size": (0, 100)}, "the size `0x100` was asked for, each side must have 16 to 8192 pixels"),
    ((640, 480), {"size": (9000, 100)}, "the size `9000x100` was asked for, each side must have 16 to 8192 pixels"),
])  # fmt: skip
def test_impossible_sizes_say_so(photo, options, message):
    with pytest.raises(UsageProblem) as caught:
        plan_framing(photo, BASE, **options)
    assert caught.value.message == message
    assert caught.value.hint
