"""A quality of pictures as a loss: what the frames of a clip have less of it than the input picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.metrics.metric import Score

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy import ndarray

    from engine.metrics.sample import Sample


def quality_loss(sample: Sample, qualities: Callable[[ndarray], list[float]]) -> Score:
    """quality(input) - mean of quality(frames).

    Source: MIVA 4.1, "loss of quality compared to the input"; the sign is our reading of it.
    """
    wanted = qualities(sample.picture[None])[0]
    return Score.mean_of(tuple(wanted - found for found in qualities(sample.frames)))
