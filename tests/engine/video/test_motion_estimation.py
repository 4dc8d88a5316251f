"""Motion estimated from frames alone: near the truth where something moves, zero where nothing does."""

from __future__ import annotations

import numpy as np
import pytest

from engine.video.motion_estimation import origins_of
from tests.engine.video.drawn_motion import BASE, MOTIONS, at_base, moved, sources, textured

FRAMES = 8


def true_origin(motion: str, progress: float) -> np.ndarray:
    columns, rows = sources(motion, progress, *BASE)
    own_rows, own_columns = np.mgrid[0 : BASE[1], 0 : BASE[0]]
    return np.stack([columns - own_columns, rows - own_rows], axis=-1)


@pytest.mark.parametrize("motion", MOTIONS)
def test_a_motion_is_found(motion: str):
    found = origins_of(at_base(moved(textured(640, 400), motion, frames=FRAMES)))
    inside = (slice(8, -8), slice(8, -8))
    error = np.linalg.norm(found[-1] - true_origin(motion, 1.0), axis=-1)[inside]
    assert np.median(error) < 0.3


def test_frame_0_comes_from_itself_and_a_still_clip_from_where_it_is():
    frames = np.repeat(at_base(textured(640, 400)[None]), 4, axis=0)
    assert not origins_of(frames).any()


def test_grain_is_no_motion():
    frames = np.repeat(at_base(textured(640, 400)[None]), 4, axis=0).astype(np.float32)
    grain = np.random.default_rng(0).normal(scale=2, size=frames.shape)
    found = origins_of((frames + grain).clip(0, 255).astype(np.uint8))
    assert np.linalg.norm(found, axis=-1).mean() < 0.05


def test_a_plain_surface_moves_with_its_edges():
    """A grey card with a dark frame slides over still ground: its middle shows no motion, and has it."""
    ground = at_base(textured(640, 400)[None])[0]
    frames = np.repeat(ground[None], 6, axis=0)
    for place, frame in enumerate(frames):
        left = 40 + 2 * place
        frame[25:55, left : left + 30] = 30
        frame[29:51, left + 4 : left + 26] = 170
    middle = origins_of(frames)[5, 36:44, 60:68]
    assert np.median(middle[..., 0]) == pytest.approx(-10, abs=2)


def test_a_plain_sky_over_textured_ground_stays():
    frames = np.repeat(at_base(textured(640, 400)[None]), 4, axis=0)
    frames[:, :30] = 200
    assert not origins_of(frames).any()
