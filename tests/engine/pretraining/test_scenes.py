"""Generated clips: the same for the same seed, moving where they say and only there, with the flow they say."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from engine.pretraining.scenes.canvas import Canvas, nearest_segment
from engine.pretraining.scenes.catalog import (
    CAMERAS,
    ELEMENTS,
    KEPT,
    STILL,
    camera_path,
    draw_clip,
    draw_scene,
    seconds_of,
)
from engine.pretraining.scenes.draws import Draws
from engine.pretraining.scenes.element import STEP
from engine.pretraining.scenes.elements.current import Current
from engine.pretraining.scenes.elements.portrait import Portrait
from engine.pretraining.scenes.elements.water import Waterfall
from engine.pretraining.scenes.figure import Figure, Limb, figure_of, joined
from engine.pretraining.scenes.stance import Stance

CANVAS = Canvas(80, 128)
THINGS = (*ELEMENTS, *KEPT)
CARRIED = [name for name in (*THINGS, *CAMERAS) if name not in {"raining", "fireworks"}]


def warped(clip, picture):
    """A picture of frame 0 looked up where each frame's origin points, and where that lies within the frame."""
    count = len(clip.frames)
    here = F.affine_grid(torch.eye(2, 3)[None], [1, 1, 80, 128], align_corners=False)
    grid = here + clip.origin.permute(0, 2, 3, 1) / torch.tensor([CANVAS.width / 2, CANVAS.height / 2])
    found = F.grid_sample(picture[None].expand(count, -1, -1, -1), grid, padding_mode="reflection", align_corners=False)
    return found, (grid.abs().amax(-1) < 1)[:, None]


@pytest.mark.parametrize("motion", [*THINGS, *CAMERAS, STILL])
def test_a_seed_decides_the_whole_clip(motion):
    first, again, other = (draw_clip(seed, motion, CANVAS, others=("sliding",)) for seed in (7, 7, 8))
    assert first.frames.shape == (16, 3, 80, 128)
    assert torch.equal(first.frames, again.frames)
    assert not torch.equal(first.frames, other.frames)
    assert first.frames.min() >= -1
    assert first.frames.max() <= 1


@pytest.mark.parametrize("motion", [name for name in THINGS if name != "raining"])
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
    here = F.affine_grid(torch.eye(2, 3)[None], [1, 3, 80, 128], align_corners=False)
    errors = torch.zeros(2)
    for seed in range(11, 19):
        clip = draw_clip(seed, motion, CANVAS, shown=(0, 1))
        assert clip.flow is not None
        step = clip.flow[:1].permute(0, 2, 3, 1) / torch.tensor([CANVAS.width / 2, CANVAS.height / 2])
        followed = F.grid_sample(clip.frames[1:2], here + step, padding_mode="border", align_corners=False)
        inside = (clip.mask[0, 0] > 0.99)[2:-2, 4:-4]
        for index, picture in enumerate((followed[0], clip.frames[1])):
            errors[index] += (picture - clip.frames[0])[:, 2:-2, 4:-4][:, inside].abs().sum()
    assert errors[0] < 0.5 * errors[1]


@pytest.mark.parametrize(
    ("motion", "axis", "sign"),
    [("camera-pan-right", 0, 1), ("camera-pan-left", 0, -1), ("camera-pan-down", 1, 1), ("camera-pan-up", 1, -1)],
)
def test_a_pan_moves_the_window_at_constant_velocity(motion, axis, sign):
    path = camera_path(Draws(1), motion, CANVAS, 16)
    steps = path[1:, axis] - path[:-1, axis]
    assert (steps.sign() == sign).all()
    torch.testing.assert_close(steps, steps[:1].expand_as(steps), atol=1e-5, rtol=0)


def test_a_zoom_is_geometric_and_never_enlarges_beyond_the_large_picture():
    window = camera_path(Draws(2), "camera-zoom-in", CANVAS, 16)[:, 2]
    ratios = window[1:] / window[:-1]
    torch.testing.assert_close(ratios, ratios[:1].expand_as(ratios), atol=1e-5, rtol=0)
    assert 0.72 <= float(window[-1] / window[0]) <= 0.88
    assert window.max() <= 1


@pytest.mark.parametrize("motion", CARRIED)
def test_frame_0_warped_by_the_origin_explains_every_later_frame(motion):
    """Inside the moving region, away from what came into view, over several clips."""
    carried, unmoved = 0.0, 0.0
    for seed in range(30, 42):
        clip = draw_clip(seed, motion, CANVAS)
        followed, within = warped(clip, clip.frames[0])
        known = (warped(clip, clip.mask[0])[0] > 0.9) & (clip.mask > 0.9) & within
        carried += float(((followed - clip.frames) ** 2 * known).sum())
        unmoved += float(((clip.frames[:1] - clip.frames) ** 2 * known).sum())
    assert carried < 0.7 * unmoved


@pytest.mark.parametrize("motion", [*THINGS, *CAMERAS, STILL])
def test_the_origin_is_zero_in_frame_0_and_where_nothing_moves(motion):
    clip = draw_clip(41, motion, CANVAS, others=tuple(name for name in ("turning", "clouds") if name != motion))
    assert clip.origin.shape == (16, 2, 80, 128)
    assert clip.origin.isfinite().all()
    assert clip.origin[0].abs().max() < 1e-2
    assert (clip.origin * (clip.mask == 0)).abs().max() == 0
    assert (clip.origin.abs().max() > 1) == (motion in CARRIED)


@pytest.mark.parametrize("motion", ["clouds", "birds-flying", "horse-running"])
def test_what_has_a_heading_goes_to_the_right(motion):
    """So its origin lies to the left, at most a sixth of a picture height a second away in the mean."""
    for seed in range(8):
        clip = draw_clip(seed, motion, CANVAS)
        back = clip.origin[-1, 0][clip.mask[-1, 0] > 0.5].mean()
        assert -CANVAS.height * 15 / 8 / 6 < back < 0


def test_material_of_a_fall_never_comes_from_outside_its_region():
    shaped = 0
    for seed in range(24):
        element = draw_scene(Draws(seed), CANVAS, ("waterfall",)).elements[0]
        assert isinstance(element, Waterfall)
        shaped += element.shape is not None
        clip = draw_clip(seed, "waterfall", CANVAS)
        found, _ = warped(clip, clip.mask[0])
        inside = clip.mask[:, 0] > 0.99
        assert (found[:, 0][inside] > 0.25).float().mean() > 0.99
    assert 1 <= shaped <= 14


def test_a_current_flows_on_from_where_it_was_and_stands_still_where_it_begins():
    current = Current(0.2, 0.1)
    start = torch.linspace(0.01, 1, 50)
    once = current.carried(start, torch.tensor(1.5))
    torch.testing.assert_close(current.carried(current.carried(start, torch.tensor(0.5)), torch.tensor(1.0)), once)
    torch.testing.assert_close(current.carried(once, torch.tensor(-1.5)), start, atol=1e-4, rtol=1e-3)
    speed = (current.carried(start, torch.tensor(1e-2)) - start) / 1e-2
    torch.testing.assert_close(speed, 0.2 * (1 - torch.exp(-start / 0.1)), atol=2e-3, rtol=0)
    assert (current.carried(start, torch.tensor(-50.0)) >= 0).all()


def test_points_of_a_limb_turn_and_stretch_with_it():
    """A limb that turns a quarter about its start and doubles: a point on it comes from where it was on it."""

    def pose(seconds):
        angle = seconds * torch.pi / 2
        start = torch.tensor([0.8, 0.5]).expand(len(seconds), 2)
        reach = 0.2 * (1 + seconds)[:, None]
        return joined([(start, start + reach * torch.stack([torch.cos(angle), torch.sin(angle)], -1))])

    figure = Figure(pose, torch.tensor([[0.1, 0.05]]), torch.tensor([[1.0, 0.5, 0.0]]))
    layer = figure.paint(CANVAS, torch.tensor([0.0, 1.0]))
    assert layer.alpha[1, 0, 64, 64] == 1
    assert layer.alpha[1, 0, 10, 10] == 0
    x, y = float(CANVAS.x[0, 64]), float(CANVAS.y[64, 0])
    along, across = (y - 0.5) / 2, 0.8 - x
    expected = torch.tensor([0.8 + along - x, 0.5 + across - y])
    torch.testing.assert_close(layer.origin[1, :, 64, 64], expected, atol=1e-5, rtol=0)


def test_an_oval_grows_as_a_whole_and_a_later_limb_covers_an_earlier_one():
    """An oval that doubles and turns a quarter: its points come from half as far away, an eighth of a turn back."""
    white, black = torch.ones(3), torch.zeros(3)

    def limbs(seconds):
        stance = Stance(torch.tensor([0.8, 0.5]).expand(len(seconds), 2), seconds * torch.pi / 2, 0.2 * (1 + seconds))
        start, end = stance.at(-1.0, 0.0), stance.at(1.0, 0.0)
        return [Limb(start, end, 0.25, white), Limb(start, stance.at(0.0, 0.0), (0.05, 0.05), black)]

    layer = figure_of(limbs).paint(CANVAS, torch.tensor([0.0, 1.0]))
    assert layer.alpha[1, 0, 64, 64] == 1
    assert (layer.colour[1, :, 64, 64] == 1).all()
    assert (layer.colour[1, :, 24, 64] == 0).all()
    assert layer.alpha[1, 0, 50, 84] == 0
    x, y = float(CANVAS.x[0, 68]), float(CANVAS.y[60, 0])
    expected = torch.tensor([0.8 + (y - 0.5) / 2 - x, 0.5 + (0.8 - x) / 2 - y])
    torch.testing.assert_close(layer.origin[1, :, 60, 68], expected, atol=1e-5, rtol=0)


def test_what_is_kept_from_pretraining_is_not_among_what_it_draws():
    assert not set(KEPT) & {*ELEMENTS, *CAMERAS, STILL}
    assert "helicopter-hovering" in KEPT
    for name, make in {**ELEMENTS, **KEPT}.items():
        assert make.motion == name


def test_a_portrait_is_neutral_at_first_and_stands_still_once_it_smiles():
    for seed in range(4):
        clip = draw_clip(seed, "turning-to-smile", CANVAS)
        change = (clip.frames[1:] - clip.frames[:-1]).abs().amax((1, 2, 3))
        assert change[:8].min() > 0.02
        assert change[12:].max() < 1e-5
        assert clip.origin[-1, 0].mean() < 0


def test_a_place_of_a_portrait_is_found_again_after_the_smile():
    """The layout of a face at one time, followed to another and looked up there, is where it was."""
    portrait = draw_scene(Draws(9), CANVAS, ("turning-to-smile",)).elements[0]
    assert isinstance(portrait, Portrait)
    side, down = torch.meshgrid(torch.linspace(-0.6, 0.6, 25), torch.linspace(-0.8, 0.8, 33), indexing="ij")
    flat = torch.stack([side, down])[None]
    for seconds in (0.0, STEP, 0.7, 2.0):
        turned, lowered = portrait._placed(flat, torch.tensor([seconds]), rounds=12)
        torch.testing.assert_close(portrait._flat(turned, lowered, torch.tensor([seconds])), flat, atol=5e-3, rtol=0)


def test_the_distance_to_the_nearest_of_many_segments():
    start = torch.tensor([[[0.3, 0.3], [0.9, 0.55]]])
    end = torch.tensor([[[0.4, 0.3], [0.9, 0.6]]])
    distance = nearest_segment(CANVAS, start, end, 0.05)[0]
    dx = (CANVAS.x - CANVAS.x.clamp(0.3, 0.4), CANVAS.x - 0.9)
    dy = (CANVAS.y - 0.3, CANVAS.y - CANVAS.y.clamp(0.55, 0.6))
    exact = torch.minimum(torch.hypot(dx[0], dy[0]), torch.hypot(dx[1], dy[1]))
    torch.testing.assert_close(distance, torch.where(exact < 0.05, exact, 1.0))
