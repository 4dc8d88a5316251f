"""Background consistency without a model: colours outside the subject, or of the whole picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from engine.metrics.consistency import consistency
from engine.metrics.metric import MetricFacts
from engine.metrics.picture_features import colour_features

if TYPE_CHECKING:
    from engine.metrics.metric import Score
    from engine.metrics.sample import Sample

CELLS: Final = 2
SMALLEST_BACKGROUND: Final = 0.02
"""Share of the picture below which there is no background to speak of."""


class ProxyBackground:
    """VBench's consistency over histograms of colours, outside the mask where there is one."""

    facts = MetricFacts(
        name="proxy:background",
        title="background consistency, without a model",
        unit="",
        direction="up",
        source="ours; the formula of VBench over histograms of colours",
    )

    def score(self, sample: Sample) -> Score:
        """See `consistency`."""
        weight = np.ones(sample.frames.shape[1:3], np.float32)
        if sample.region is not None and (~sample.region).mean() >= SMALLEST_BACKGROUND:
            weight = (~sample.region).astype(np.float32)
        return consistency(np.stack([colour_features(frame, weight, cells=CELLS) for frame in sample.frames]))
