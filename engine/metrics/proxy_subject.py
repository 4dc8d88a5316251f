"""Subject consistency without a model: edges and colours of the subject, or of the whole picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from engine.metrics.consistency import consistency
from engine.metrics.metric import MetricFacts
from engine.metrics.picture_features import colour_features, edge_features

if TYPE_CHECKING:
    from jaxtyping import Float, Float32, UInt8

    from engine.metrics.metric import Score
    from engine.metrics.sample import Sample

COLOUR_CELLS: Final = 4
EDGE_SHARE: Final = 0.5
"""Edges count half, and wherever they are: a subject that moves stays itself."""


class ProxySubject:
    """VBench's consistency over histograms of edges and colours, inside the mask where there is one."""

    facts = MetricFacts(
        name="proxy:subject",
        title="subject consistency, without a model",
        unit="",
        direction="up",
        source="ours; the formula of VBench over histograms of edges and colours",
    )

    def score(self, sample: Sample) -> Score:
        """See `consistency`."""
        shape = sample.frames.shape[1:3]
        known = sample.region is not None and bool(sample.region.any())
        weight = sample.region.astype(np.float32) if known and sample.region is not None else np.ones(shape, np.float32)
        return consistency(np.stack([_features(frame, weight) for frame in sample.frames]))


def _features(frame: UInt8[np.ndarray, "h w 3"], weight: Float32[np.ndarray, "h w"]) -> Float[np.ndarray, "d"]:
    edges, colours = edge_features(frame, weight, cells=1), colour_features(frame, weight, cells=COLOUR_CELLS)
    return np.concatenate([EDGE_SHARE * edges, colours])
