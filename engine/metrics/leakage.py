"""How much changes where the motion does not belong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from engine.metrics.metric import MetricFacts, Score

if TYPE_CHECKING:
    from engine.metrics.sample import Sample

SMALLEST_OUTSIDE: Final = 0.02
"""Share of the picture below which there is no outside to speak of."""


class Leakage:
    """Root mean square of the change against the input picture outside the mask, in levels of 255."""

    facts = MetricFacts(
        name="own:leakage",
        title="change outside the mask",
        unit="levels of 255",
        direction="down",
        source="ours",
    )

    def score(self, sample: Sample) -> Score | None:
        """The mean over frames 1, 2, ...; None without a mask, or with one that leaves nothing."""
        if sample.region is None or (~sample.region).mean() < SMALLEST_OUTSIDE:
            return None
        outside = ~sample.region
        wanted = sample.picture[outside].astype(np.float32)
        errors = [float(np.sqrt(np.square(frame[outside] - wanted).mean())) for frame in sample.frames[1:]]
        return Score.mean_of(tuple(errors))
