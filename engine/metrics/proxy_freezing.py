"""Freezing: the share of a clip in which nothing new is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from engine.metrics.metric import MetricFacts, Score

if TYPE_CHECKING:
    from engine.metrics.sample import Sample

STILL_LEVELS: Final = 0.5
"""Mean change of a pixel, in levels of 255, below which two frames are the same but for coding."""


class ProxyFreezing:
    """The share of pairs of frames that are alike."""

    facts = MetricFacts(
        name="proxy:freezing",
        title="share of frames that repeat the one before",
        unit="",
        direction="down",
        source="ours",
    )

    def score(self, sample: Sample) -> Score:
        """The mean over pairs of frames, each 0 or 1."""
        frames = sample.frames.astype(np.int16)
        changes = np.abs(frames[1:] - frames[:-1]).reshape(len(frames) - 1, -1).mean(axis=1)
        return Score.mean_of(tuple(float(change < STILL_LEVELS) for change in changes))
