"""Motion smoothness without a model: how far frames lie off the middle between their neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.metrics.metric import MetricFacts, Score
from engine.video.optical_flow import flow

if TYPE_CHECKING:
    from jaxtyping import UInt8

    from engine.metrics.sample import Sample


class ProxySmoothness:
    """Mean distance of each pixel to the middle of its places in the frames before and after, over odd frames.

    VBench compares odd frames with what AMT-S interpolates, in levels: which depends on how textured they are. In
    pixels it does not. 0 is motion at constant speed.
    """

    facts = MetricFacts(
        name="proxy:smoothness",
        title="roughness of the motion",
        unit="pixels",
        direction="down",
        source="ours; the frames of VBench's motion smoothness, with DIS flow (arXiv 1603.03590)",
    )

    def score(self, sample: Sample) -> Score:
        """The mean over odd frames that have both neighbours."""
        frames = sample.frames
        return Score.mean_of(
            tuple(_off_middle(*frames[place - 1 : place + 2]) for place in range(1, len(frames) - 1, 2))
        )


def _off_middle(
    before: UInt8[np.ndarray, "h w 3"], frame: UInt8[np.ndarray, "h w 3"], after: UInt8[np.ndarray, "h w 3"]
) -> float:
    middle = (flow(frame, before) + flow(frame, after)) / 2
    return float(np.linalg.norm(middle, axis=-1).mean())
