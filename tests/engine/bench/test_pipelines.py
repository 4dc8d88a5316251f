"""Other people's pipelines, small and random, make clips of the size, length and rate that is compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from engine.bench.equal_footing import Footing
from engine.bench.runners.pipeline_runner import KINDS, PipelineRunner, load_runner
from registry_schema.errors import NotFound, UsageProblem
from tests.engine.bench.small_pipelines import small_pipeline

if TYPE_CHECKING:
    from pathlib import Path

FOOTING = Footing(width=64, height=48, frames=4, fps=8.0)
PICTURE = np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)


# the scheduler of SVD makes arrays of tensors in a way that numpy 2 complains of
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("kind", list(KINDS))
def test_a_pipeline_makes_a_clip_on_the_footing(kind: str, tmp_path: Path):
    runner = PipelineRunner(kind, small_pipeline(kind, tmp_path), steps=2)
    frames = runner.animate(PICTURE, "a", FOOTING, seed=1)
    assert frames.shape == (4, 48, 64, 3)
    assert frames.dtype == np.uint8
    assert frames.std() > 0


def test_the_same_seed_gives_the_same_clip(tmp_path: Path):
    runner = PipelineRunner("pia", small_pipeline("pia", tmp_path), steps=2)
    first, again, other = (runner.animate(PICTURE, "a", FOOTING, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_folder_that_holds_no_pipeline_is_refused(tmp_path: Path):
    with pytest.raises(NotFound, match="holds no pipeline of diffusers"):
        load_runner("svd", tmp_path)
    with pytest.raises(UsageProblem, match="`sora` is no pipeline we run, expected one of svd, i2vgen-xl"):
        load_runner("sora", tmp_path)
