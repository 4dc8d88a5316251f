"""Whether a clip begins with its input picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from engine.metrics.metric import MetricFacts, Score

if TYPE_CHECKING:
    from engine.metrics.sample import Sample

MOST_DECIBELS: Final = 60.0
"""From here on, frames are alike; equal ones would be infinitely far."""


class FirstFrameFidelity:
    """Peak signal-to-noise ratio of frame 0 to the input picture, at most 60 dB."""

    facts = MetricFacts(
        name="own:first-frame",
        title="frame 0 against the input picture",
        unit="dB",
        direction="up",
        source="ours; PSNR",
    )

    def score(self, sample: Sample) -> Score:
        """One number."""
        error = float(np.square(sample.frames[0].astype(np.float64) - sample.picture).mean())
        return Score(MOST_DECIBELS if error == 0 else min(MOST_DECIBELS, 10 * float(np.log10(255**2 / error))))
