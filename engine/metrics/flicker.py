"""Temporal flickering: how little changes from frame to frame. It needs no model, so it is the published metric."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from engine.metrics.metric import MetricFacts, Score

if TYPE_CHECKING:
    from engine.metrics.sample import Sample

LEVELS: Final = 255.0


class Flicker:
    """(255 - mean absolute difference of consecutive frames) / 255.

    It rewards a clip that stands still: read it beside the flow.

    Source: VBench, temporal flickering. The published protocol scores clips of still scenes only.
    """

    facts = MetricFacts(
        name="vbench:flicker",
        title="temporal flickering",
        unit="",
        direction="up",
        source="VBench (arXiv 2311.17982)",
    )

    def score(self, sample: Sample) -> Score:
        """The mean over pairs of frames."""
        frames = sample.frames.astype(np.int16)
        changes = np.abs(frames[1:] - frames[:-1]).reshape(len(frames) - 1, -1).mean(axis=1, dtype=np.float64)
        return Score.mean_of(tuple(float((LEVELS - change) / LEVELS) for change in changes))
