"""How near a clip's motion is to that of a real clip: where things move, which way, and how fast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from engine.metrics.metric import MetricFacts, Score

if TYPE_CHECKING:
    from jaxtyping import Float

    from engine.metrics.sample import Sample

ROWS, COLUMNS, DIRECTIONS = 5, 8, 8
STILL: Final = 0.05
"""Pixels per frame that coding noise is taken for."""


class MotionMatch:
    """Cosine of where and which way things move, times the slower one's share of the faster one's speed.

    1 for the real clip itself, 0 for a clip that stands still while the real one moves.
    """

    facts = MetricFacts(
        name="own:motion-match",
        title="motion as in the real clip",
        unit="",
        direction="up",
        source="ours; the real clip begins with the same picture",
    )

    def score(self, sample: Sample) -> Score | None:
        """None without a reference."""
        if sample.reference is None:
            return None
        made, real = motion_map(sample), motion_map(sample.reference)
        sizes = float(made.sum()), float(real.sum())
        if max(sizes) == 0:
            return Score(1.0)
        if min(sizes) == 0:
            return Score(0.0)
        cosine = float((made * real).sum() / np.linalg.norm(made) / np.linalg.norm(real))
        return Score(cosine * min(sizes) / max(sizes))


def motion_map(sample: Sample) -> Float[np.ndarray, "m"]:
    """Mean speed in each cell of a grid and each of eight directions."""
    flows, speeds = sample.flows, np.where(sample.speeds < STILL, 0, sample.speeds)
    _, height, width = speeds.shape
    cell = (np.arange(height) * ROWS // height)[:, None] * COLUMNS + (np.arange(width) * COLUMNS // width)[None, :]
    turn = np.mod(np.arctan2(flows[..., 1], flows[..., 0]) / (2 * np.pi), 1) * DIRECTIONS
    index = cell[None] * DIRECTIONS + np.mod(np.round(turn).astype(np.int64), DIRECTIONS)
    total = np.bincount(index.ravel(), weights=speeds.ravel(), minlength=ROWS * COLUMNS * DIRECTIONS)
    return total / speeds.size
