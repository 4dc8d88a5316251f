"""Scenes for masked builds: a subject that is seen, things beside it, and masks of every frame."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.pretraining.quality.masked_builds import MaskedTrial, row
from engine.pretraining.quality.masked_scenes import LEAST_SHARE, MOTIONS, masked_scenes

FRAMES = 4


@pytest.mark.parametrize("motion", MOTIONS)
def test_a_scene_has_a_subject_that_is_seen_and_others_beside_it(motion: str) -> None:
    scenes = list(masked_scenes(motion, 2, frames=FRAMES))
    assert len({scene.seed for scene in scenes}) == 2
    for scene in scenes:
        assert scene.frames.shape[0] == scene.masks.shape[0] == FRAMES
        assert float(scene.masks[0].mean()) >= LEAST_SHARE
        assert motion in scene.things
        assert len(scene.things) >= 2
        assert np.array_equal(scene.region, (scene.masks > 0).any(dim=0).numpy())


def test_a_scene_is_the_same_however_many_frames_are_drawn() -> None:
    (short,), (long,) = (list(masked_scenes("horse-running", 1, frames=count)) for count in (1, FRAMES))
    assert short.seed == long.seed
    assert np.array_equal(short.frames[0], long.frames[0])
    assert torch.equal(short.masks[0], long.masks[0])


def test_a_row_holds_what_moves_outside_against_the_plain_build() -> None:
    trial = MaskedTrial(
        kept=0.3, exact=0.6, found=None, moved=(0.5, 0.01), plain=(0.4, 0.04), background=30.0, every=30.5, clips=()
    )
    assert row("horse-running", [trial, trial]) == (
        "| horse-running | 2 | 0.30 | 0.60 | 0.00 | 0.500 | 0.010 | 0.400 | 0.040 | 0.25 | 30.0 | 30.5 |"
    )
