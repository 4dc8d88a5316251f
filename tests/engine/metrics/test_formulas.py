"""Metrics without a model against numbers worked by hand, and the laws they keep."""

from __future__ import annotations

import numpy as np
import pytest

from engine.metrics.consistency import consistency
from engine.metrics.first_frame import FirstFrameFidelity
from engine.metrics.flags import flags_of
from engine.metrics.flicker import Flicker
from engine.metrics.leakage import Leakage
from engine.metrics.motion_match import MotionMatch
from engine.metrics.proxy_flow import ProxyFlow, ProxySpeed
from engine.metrics.proxy_freezing import ProxyFreezing
from engine.metrics.proxy_imaging import ProxyImaging
from engine.metrics.proxy_smoothness import ProxySmoothness
from engine.metrics.quality_loss import quality_loss
from engine.metrics.sample import Sample
from engine.video.optical_flow import softened, warped
from registry_schema.errors import UsageProblem

HEIGHT, WIDTH = 48, 64


def sample_of(frames: np.ndarray, **more: object) -> Sample:
    return Sample(frames=frames, fps=8.0, picture=frames[0], **more)


def texture(seed: int = 0, *, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=(height, width, 3)).astype(np.float32)
    soft = softened(noise, 1.5)
    return np.rint(128 + 40 * soft / soft.std()).clip(0, 255).astype(np.uint8)


def panned(right: float, down: float, *, count: int = 5, **size: int) -> np.ndarray:
    """A texture that moves by so many pixels a frame."""
    picture = texture(**size)
    shape = picture.shape[:2]
    frames = []
    for place in range(count):
        by = np.full((*shape, 2), (-right * place, -down * place), dtype=np.float32)
        frames.append(warped(picture, by))
    return np.stack(frames)


def test_flicker_is_exact_on_a_clip_of_grey_levels():
    frames = np.stack([np.full((4, 4, 3), level, np.uint8) for level in (0, 51, 51, 255)])
    score = Flicker().score(sample_of(frames))
    assert score.per_frame == (204 / 255, 1.0, 51 / 255)
    assert score.value == pytest.approx((204 + 255 + 51) / 3 / 255, abs=1e-12)


def test_consistency_is_the_mean_of_cosines_with_the_frame_before_and_the_first():
    features = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 3.0], [-1.0, 0.0]])
    half = np.sqrt(0.5)
    assert consistency(features).per_frame == pytest.approx((0.0, (half + half) / 2, 0.0), abs=1e-12)


def test_a_quality_loss_is_positive_where_the_clip_is_worse_than_its_picture():
    frames = np.zeros((3, 4, 4, 3), np.uint8)
    frames[1:] = 10
    score = quality_loss(sample_of(frames), lambda pictures: [1 - float(one.mean()) / 100 for one in pictures])
    assert score.per_frame == pytest.approx((0.0, 0.1, 0.1))


@pytest.mark.parametrize(("right", "down"), [(0.5, 0.0), (-1.25, 0.75), (2.0, -1.0), (3.0, 2.0)])
def test_average_flow_is_within_a_tenth_of_the_truth_below_four_pixels(right, down):
    frames = panned(right, down, height=96, width=128)
    found = ProxyFlow().score(sample_of(frames)).value
    assert found == pytest.approx(np.hypot(right, down), rel=0.1)


def test_speed_is_the_flow_in_shares_of_the_diagonal_a_second():
    sample = sample_of(panned(1.0, 0.0))
    flow, speed = ProxyFlow().score(sample).value, ProxySpeed().score(sample).value
    assert speed == pytest.approx(100 * flow * 8 / 80)


def test_motion_at_constant_speed_is_smooth_and_a_shaking_camera_is_not():
    steady = panned(1.0, 0.5, count=7)
    shaken = np.stack([panned(right, 0, count=2)[1] for right in (0, 2, -2, 2, -2, 2, -2)])
    smooth, rough = (ProxySmoothness().score(sample_of(frames)).value for frames in (steady, shaken))
    assert smooth < 0.2
    assert rough > 2


def test_imaging_loss_is_nothing_for_the_picture_itself_and_grows_with_blur():
    picture = texture()
    blurs = [np.stack([picture, *[softened(picture.astype(np.float32), sigma).astype(np.uint8)] * 3]) for sigma in
             (0.6, 1.2, 2.4)]  # fmt: skip
    still = ProxyImaging().score(sample_of(np.stack([picture] * 4))).value
    losses = [ProxyImaging().score(sample_of(frames)).value for frames in blurs]
    assert still == 0.0
    assert still < losses[0] < losses[1] < losses[2]


def test_freezing_is_the_share_of_frames_that_repeat():
    frames = panned(1.0, 0.0)
    held = np.stack([frames[0], frames[0], frames[1], frames[1], frames[2]])
    assert ProxyFreezing().score(sample_of(held)).value == 0.5


def test_a_clip_matches_itself_wholly_and_a_still_not_at_all():
    real = sample_of(panned(1.5, 0.0))
    other_way = sample_of(panned(-1.5, 0.0), reference=real)
    slower = sample_of(panned(0.75, 0.0), reference=real)
    itself = sample_of(real.frames, reference=real)
    still = sample_of(np.stack([real.frames[0]] * 5), reference=real)
    found = [MotionMatch().score(sample) for sample in (itself, slower, other_way, still)]
    itself_score, slower_score, other_score, still_score = (score.value for score in found if score is not None)
    assert itself_score == pytest.approx(1.0)
    assert slower_score == pytest.approx(0.5, abs=0.1)
    assert other_score < 0.1
    assert still_score == 0.0
    assert MotionMatch().score(real) is None


def test_leakage_counts_what_lies_outside_the_mask_only():
    frames = np.full((3, 10, 10, 3), 100, np.uint8)
    frames[1:, :5] = 200
    frames[2, 5:] = 110
    region = np.zeros((10, 10), bool)
    region[:5] = True
    assert Leakage().score(sample_of(frames, region=region)).per_frame == (0.0, 10.0)
    assert Leakage().score(sample_of(frames, region=np.ones((10, 10), bool))) is None
    assert Leakage().score(sample_of(frames)) is None


def test_the_first_frame_is_measured_in_decibels():
    frames = np.full((3, 8, 8, 3), 100, np.uint8)
    picture = np.full((8, 8, 3), 110, np.uint8)
    found = FirstFrameFidelity().score(Sample(frames=frames, fps=8.0, picture=picture)).value
    assert found == pytest.approx(10 * np.log10(255**2 / 100))
    assert FirstFrameFidelity().score(sample_of(frames)).value == 60.0


def flag_names(frames: np.ndarray, picture: np.ndarray | None = None) -> list[str]:
    sample = Sample(frames=frames, fps=8.0, picture=frames[0] if picture is None else picture)
    return [flag.name for flag in flags_of(sample)]


def test_stills_copies_and_blanks_are_flagged_and_small_motion_is_not():
    picture = texture()
    fades = np.stack([np.clip(picture.astype(int) + 8 * place, 0, 255).astype(np.uint8) for place in range(5)])
    corner = np.stack([picture] * 5)
    corner[:, 10:22, 10:26] = panned(1.0, 0.0)[:, 10:22, 10:26]
    assert flag_names(np.stack([picture] * 5)) == ["copy"]
    assert flag_names(fades) == ["static"]
    assert flag_names(np.stack([picture, *[np.full_like(picture, 90)] * 4])) == ["blank"]
    assert flag_names(corner) == []


def test_a_clip_too_short_or_of_another_size_is_refused():
    with pytest.raises(UsageProblem, match="a clip of 2 frames can not be scored, expected 3 at least"):
        sample_of(np.zeros((2, 8, 8, 3), np.uint8))
    with pytest.raises(UsageProblem, match=r"the mask has size \(4, 4\), the frames \(8, 8\)"):
        sample_of(np.zeros((3, 8, 8, 3), np.uint8), region=np.zeros((4, 4), bool))
