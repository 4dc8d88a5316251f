"""Generated clips: the same for the same seed, moving where they say and only there, with the flow they say."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from engine.pretraining.scenes.canvas import Canvas
from engine.pretraining.scenes.catalog import CAMERAS, ELEMENTS, STILL, camera_path, draw_clip, draw_scene, seconds_of
from engine.pretraining.scenes.draws import Draws

CANVAS = Canvas(80, 128)


@pytest.mark.parametrize("motion", [*ELEMENTS, *CAMERAS, STILL])
def test_a_seed_decides_the_whole_clip(motion):
    first, again, other = (draw_clip(seed, motion, CANVAS, others=("sliding",)) for seed in (7, 7, 8))
    assert first.frames.shape == (16, 3, 80, 128)
    assert torch.equal(first.frames, again.frames)
    assert not torch.equal(first.frames, other.frames)
    assert first.frames.min() >= -1
    assert first.frames.max() <= 1


@pytest.mark.parametrize("motion", [name for name in ELEMENTS if name != "raining"])
def test_nothing_moves_outside_the_mask(motion):
    clip = draw_clip(21, motion, CANVAS, others=tuple(name for name in ("turning", "birds-flying") if name != motion))
    change = (clip.frames - clip.frames[:1]).abs().amax(dim=(0, 1))
    ever = clip.mask.amax(dim=(0, 1))
    assert change[ever == 0].max() < 1e-4
    assert change[ever > 0.5].max() > 0.05


def test_what_stands_still_in_one_clip_moves_in_another_of_the_same_scene():
    scene = draw_scene(Draws(3), CANVAS, ("waterfall", "sliding"))
    falling, sliding = (scene.clip((name,), seconds_of(16, 8.0)) for name in ("waterfall", "sliding"))
    assert torch.equal(falling.frames[0], sliding.frames[0])
    assert falling.motions == ("waterfall",)
    assert sliding.motions == ("sliding",)
    assert not torch.equal(falling.frames[8], sliding.frames[8])


def test_a_still_clip_is_still():
    clip = draw_clip(5, STILL, CANVAS, others=("clouds", "birds-flying"))
    assert torch.equal(clip.frames, clip.frames[:1].expand_as(clip.frames))
    assert clip.mask.sum() == 0


@pytest.mark.parametrize("motion", ["sliding", "turning", "camera-pan-right", "camera-zoom-in", "camera-roll"])
def test_following_the_flow_finds_the_same_colour_in_the_next_frame(motion):
    """Frame 1 looked up where the flow of frame 0 points is frame 0, much closer than looked up in place."""
    clip = draw_clip(11, motion, CANVAS)
    assert clip.flow is not None
    here = F.affine_grid(torch.eye(2, 3)[None], [1, 3, 80, 128], align_corners=False)
    step = clip.flow[:1].permute(0, 2, 3, 1) / torch.tensor([CANVAS.width / 2, CANVAS.height / 2])
    followed = F.grid_sample(clip.frames[1:2], here + step, padding_mode="border", align_corners=False)
    inside = (clip.mask[0, 0] > 0.99)[2:-2, 4:-4]
    error, unmoved = (
        (picture - clip.frames[0])[:, 2:-2, 4:-4][:, inside].abs().mean() for picture in (followed[0], clip.frames[1])
    )
    assert error < 0.5 * unmoved


@pytest.mark.parametrize(
    ("motion", "axis", "sign"),
    [("camera-pan-right", 0, 1), ("camera-pan-left", 0, -1), ("camera-pan-down", 1, 1), ("camera-pan-up", 1, -1)],
)
def test_a_pan_moves_the_window_at_constant_velocity(motion, axis, sign):
    path = camera_path(Draws(1), motion, 16)
    steps = path[1:, axis] - path[:-1, axis]
    assert (steps.sign() == sign).all()
    torch.testing.assert_close(steps, steps[:1].expand_as(steps), atol=1e-5, rtol=0)


def test_a_zoom_is_geometric_and_never_enlarges_beyond_the_large_picture():
    window = camera_path(Draws(2), "camera-zoom-in", 16)[:, 2]
    ratios = window[1:] / window[:-1]
    torch.testing.assert_close(ratios, ratios[:1].expand_as(ratios), atol=1e-5, rtol=0)
    assert 0.6 <= float(window[-1] / window[0]) <= 0.85
    assert window.max() <= 1
