"""Which frames a training example is made of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.recipe import ClipChoice
from engine.training.windows import ClipFacts, WindowProblem, crop_to, windows_of
from registry_schema.clip_shape import ClipShape

ALL = ClipChoice(sampling="all")
SHAPE = ClipShape(frames=5, height=20, width=40, fps=8)


def clip(count: int, fps: float, *, width: int = 40, height: int = 20) -> ClipFacts:
    return ClipFacts("sha256:" + "0" * 64, tuple(i / fps for i in range(count)), height, width)


def frames_of(facts: ClipFacts, **choice: object) -> list[tuple[int, ...]]:
    return [window.frames for window in windows_of(facts, SHAPE, ClipChoice(**choice), seed=0)]


@pytest.mark.parametrize(
    ("fps", "expected"),
    [(8, (0, 1, 2, 3, 4)), (24, (0, 3, 6, 9, 12)), (16, (0, 2, 4, 6, 8)), (5, (0, 1, 1, 2, 2))],
)
def test_a_clip_keeps_its_speed_whatever_its_frame_rate(fps, expected):
    assert frames_of(clip(40, fps), sampling="head") == [expected]


def test_uneven_timestamps_are_honoured():
    times = (0.0, 0.01, 0.02, 0.125, 0.25, 0.375, 0.4, 0.5, 0.6)
    facts = ClipFacts("sha256:" + "0" * 64, times, 20, 40)
    assert frames_of(facts, sampling="head") == [(0, 3, 4, 5, 7)]


def test_a_clip_of_just_the_right_length_has_one_window():
    assert frames_of(clip(5, 8)) == [(0, 1, 2, 3, 4)]


def test_the_stride_rule_of_the_paper_shrinks_for_short_clips():
    assert frames_of(clip(17, 8), speed="stride") == [(0, 4, 8, 12, 16)]
    assert frames_of(clip(12, 8), speed="stride", sampling="head") == [(0, 2, 4, 6, 8)]


@pytest.mark.parametrize("sampling", ["random", "uniform"])
def test_windows_are_different_and_in_order(sampling):
    taken = frames_of(clip(100, 8), sampling=sampling, windows=6)
    assert len(taken) == 6
    assert taken == sorted(set(taken))
    assert taken == frames_of(clip(100, 8), sampling=sampling, windows=6)


def test_uniform_windows_reach_from_the_first_frame_to_the_last():
    taken = frames_of(clip(100, 8), sampling="uniform", windows=4)
    assert (taken[0][0], taken[-1][-1]) == (0, 99)


@pytest.mark.parametrize(
    ("facts", "choice", "reason"),
    [
        (clip(4, 8), {}, "it lasts 0.50 s, expected at least 0.62 s"),
        (clip(3, 8), {}, "it lasts 0.38 s, expected at least 0.62 s"),
        (clip(1, 8), {}, "it has one frame only"),
        (clip(20, 2), {}, "it has 2 frames per second, expected about 8"),
        (ClipFacts("sha256:" + "0" * 64, (0.0,) * 20, 20, 40), {}, "all of its frames have one time"),
        (clip(4, 8), {"speed": "stride"}, "it has 4 frames, expected at least 5"),
    ],
)
def test_a_clip_without_a_window_says_why(facts, choice, reason):
    with pytest.raises(WindowProblem) as caught:
        windows_of(facts, SHAPE, ClipChoice(**choice), seed=0)
    assert caught.value.reason == reason
    assert caught.value.hint


def test_the_crop_has_the_bases_aspect_and_is_the_largest():
    assert crop_to(clip(1, 8, width=160, height=90), SHAPE, 0.5) == (0, 5, 160, 80)
    assert crop_to(clip(1, 8, width=90, height=160), SHAPE, 1.0) == (0, 115, 90, 45)


def test_random_crops_differ_between_windows_and_stay_inside():
    facts = clip(100, 8, width=90, height=90)
    crops = {window.crop for window in windows_of(facts, SHAPE, ClipChoice(crop="random"), seed=0)}
    assert len(crops) > 4
    assert all(crop.top >= 0 and crop.top + crop.height <= 90 for crop in crops)


def test_all_takes_every_window_there_is():
    taken = frames_of(clip(12, 8), sampling="all", windows=2)
    assert taken == [tuple(range(start, start + 5)) for start in range(8)]


def test_a_smart_crop_lies_where_the_clip_is_busiest():
    facts = replace(clip(20, 8, width=160, height=20), busiest=0.75)
    assert {window.crop for window in windows_of(facts, SHAPE, ClipChoice(crop="smart"), seed=0)} == {(90, 0, 40, 20)}


def test_no_window_reaches_over_a_cut_and_scenes_that_are_too_short_give_none():
    facts = replace(clip(20, 8), cuts=(7, 9))
    assert all(last < 7 or first >= 9 for first, *_, last in (w.frames for w in windows_of(facts, SHAPE, ALL, seed=0)))
    assert [w.frames[0] for w in windows_of(facts, SHAPE, ALL, seed=0)] == [0, 1, 2, *range(9, 16)]
    with pytest.raises(WindowProblem, match=r"another scene at 0\.50 s, and no scene is long enough") as caught:
        windows_of(replace(clip(8, 8), cuts=(4,)), SHAPE, ALL, seed=0)
    assert caught.value.kind == "scene-cut"
