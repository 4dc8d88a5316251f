"""From a rough idea of where a subject is to its outline, by grabCut on a picture of moderate size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from engine.video.optical_flow import (
    MAYBE_BEHIND,
    MAYBE_SUBJECT,
    SURELY_BEHIND,
    SURELY_SUBJECT,
    cut_out,
    enlarged,
)

if TYPE_CHECKING:
    from jaxtyping import Float
    from numpy.typing import NDArray
    from torch import Tensor

LONG_SIDE: Final = 384
"""Pixels; small pictures are enlarged to it, so that an outline may run between their pixels."""
SURE, LIKELY, BARELY = 0.8, 0.4, 0.08
"""Likelihoods, as shares of the highest one: above the first a pixel is the subject, below the last it is not.

Chosen on generated scenes of birds, fireworks and horses among eight settings.
"""


def cut_likely(
    pixels: NDArray[np.uint8],
    likelihood: NDArray[np.float32],
    *,
    subject: NDArray[np.bool_] | None = None,
    behind: NDArray[np.bool_] | None = None,
) -> NDArray[np.float32]:
    """The outline `h w` in 0..1 of what a map `h w` of likelihoods points at, in a picture `h w 3`.

    Args:
        pixels: of the picture.
        likelihood: the highest one counts as certain.
        subject: what is the subject for certain, `h w`.
        behind: what is not, `h w`.
    """
    height, width = pixels.shape[:2]
    scale = LONG_SIDE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    likely = enlarged(likelihood, size) / max(float(likelihood.max()), 1e-6)
    labels = np.full(likely.shape, MAYBE_BEHIND, dtype=np.uint8)
    labels[likely < BARELY] = SURELY_BEHIND
    labels[likely > LIKELY] = MAYBE_SUBJECT
    labels[likely > SURE] = SURELY_SUBJECT
    for place, label in ((behind, SURELY_BEHIND), (subject, SURELY_SUBJECT)):
        if place is not None:
            labels[enlarged(place.astype(np.float32), size) > 0.5] = label
    cut = cut_out(enlarged(pixels, size), labels).astype(np.float32)
    return np.clip(enlarged(cut, (width, height)), 0, 1).astype(np.float32)


def agreement(likelihood: NDArray[np.float32], mask: NDArray[np.float32]) -> float:
    """How well an outline agrees with the likelihoods it was cut by, 0 to 1; it tells good cuts from bad ones."""
    return soft_iou(torch.from_numpy(likelihood / max(float(likelihood.max()), 1e-6)), torch.from_numpy(mask))


def soft_iou(one: Float[Tensor, "*f h w"], other: Float[Tensor, "*f h w"]) -> float:
    """How alike two masks in 0..1 are: the sum of minima over the sum of maxima, 1 for equal ones."""
    union = float(torch.maximum(one, other).sum())
    return float(torch.minimum(one, other).sum()) / union if union else 1.0
