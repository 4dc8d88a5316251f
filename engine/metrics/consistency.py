"""How alike the frames of a clip are, seen through one feature vector each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.metrics.metric import Score

if TYPE_CHECKING:
    from jaxtyping import Float


def consistency(features: Float[np.ndarray, "f d"]) -> Score:
    """Mean over frames 1, 2, ... of (max(0, cos with the frame before) + max(0, cos with frame 0)) / 2.

    The mean is over the frames of one clip; VBench pools the frames of all clips in one process, and means clips
    in several.

    Source: Huang et al. 2024, VBench (arXiv 2311.17982), subject and background consistency.
    """
    unit = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    before = np.clip((unit[1:] * unit[:-1]).sum(axis=1), 0, None)
    first = np.clip(unit[1:] @ unit[0], 0, None)
    return Score.mean_of(tuple(float(value) for value in (before + first) / 2))
