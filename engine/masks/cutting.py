"""From a rough idea of where a subject is to its outline, by grabCut on a picture of moderate size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from engine.masks.found_mask import FoundMask
from engine.video.optical_flow import (
    MAYBE_BEHIND,
    MAYBE_SUBJECT,
    SURELY_BEHIND,
    SURELY_SUBJECT,
    cut_out,
    enlarged,
)
from registry_schema.errors import NotFound, UsageProblem

if TYPE_CHECKING:
    from jaxtyping import Float
    from numpy.typing import NDArray
    from torch import Tensor

    from engine.mask_requests import Box, MaskHints

LONG_SIDE: Final = 384
"""Pixels; small pictures are enlarged to it, so that an outline may run between their pixels."""
SURE, LIKELY, BARELY = 0.8, 0.4, 0.08
"""Likelihoods, as shares of the highest one: above the first a pixel is the subject, below the last it is not.

Chosen on generated scenes of birds, fireworks and horses among eight settings.
"""
CLICK_RADIUS, CLICK_REACH = 0.015, 0.3
"""Shares of the long side: what a click is sure of, and how far from it the subject may go on."""
PLAUSIBLE_FILL: Final = (0.12, 0.97)
"""How much of a box its subject covers; more or less and the cut has failed."""
HINTED: Final = "box or clicks"


def cut_likely(pixels: NDArray[np.uint8], likelihood: NDArray[np.float32]) -> NDArray[np.float32]:
    """The outline `h w` in 0..1 of what a map `h w` of likelihoods points at, in a picture `h w 3`."""
    picture, size = _work_size(pixels)
    likely = enlarged(likelihood, size) / max(float(likelihood.max()), 1e-6)
    labels = np.full(likely.shape, MAYBE_BEHIND, dtype=np.uint8)
    labels[likely < BARELY] = SURELY_BEHIND
    labels[likely > LIKELY] = MAYBE_SUBJECT
    labels[likely > SURE] = SURELY_SUBJECT
    return _own_size(cut_out(picture, labels), pixels)


def cut_hinted(pixels: NDArray[np.uint8], hints: MaskHints) -> FoundMask:
    """The subject in boxes and under clicks, in a picture `h w 3`.

    Raises:
        UsageProblem: a box or a click outside of the picture, or a box around all of it.
        NotFound: nothing in the boxes stands out from what is around them.
    """
    picture, (width, height) = _work_size(pixels)
    check_hints(hints, pixels)
    scale = width / pixels.shape[1]
    labels = np.full((height, width), MAYBE_BEHIND if not hints.boxes else SURELY_BEHIND, dtype=np.uint8)
    for box in hints.boxes:
        labels[_area(box, scale)] = MAYBE_SUBJECT
    rows, columns = np.mgrid[:height, :width]
    for point in hints.points:
        distance = np.hypot(columns + 0.5 - point.x * scale, rows + 0.5 - point.y * scale) / max(width, height)
        if not hints.boxes:
            labels[(distance < CLICK_REACH / 2) & (labels == MAYBE_BEHIND)] = MAYBE_SUBJECT
        labels[distance < CLICK_RADIUS] = SURELY_SUBJECT
    if not hints.boxes:
        labels[[0, -1], :] = labels[:, [0, -1]] = SURELY_BEHIND
    mask = _own_size(cut_out(picture, labels), pixels)
    fill = float(mask.sum()) / (float(np.isin(labels, (MAYBE_SUBJECT, SURELY_SUBJECT)).sum()) / scale**2)
    if float(mask.mean()) == 0:
        raise NotFound(
            "nothing in the box stands out from what is around it",
            hint="draw the box so that some background is left inside, or add `--point x,y` on the subject",
        )
    plausible = PLAUSIBLE_FILL[0] < fill < PLAUSIBLE_FILL[1] or bool(hints.points)
    return FoundMask(torch.from_numpy(mask), 0.9 if plausible else 0.3, HINTED)


def check_hints(hints: MaskHints, pixels: NDArray[np.uint8]) -> None:
    """Raise UsageProblem unless boxes and points lie in the picture `h w 3` and no box takes all of it."""
    height, width = pixels.shape[:2]
    for point in hints.points:
        if not (0 <= point.x < width and 0 <= point.y < height):
            raise UsageProblem(
                f"point `{point.x:g},{point.y:g}` lies outside of the picture, which has {width}x{height} pixels",
                hint=f"pass `--point {width // 2},{height // 2}` for its middle",
            )
    for box in hints.boxes:
        inside = box.left >= 0 and box.top >= 0 and box.left + box.width <= width and box.top + box.height <= height
        if not inside or min(box.width, box.height) < 1:
            raise UsageProblem(
                f"box `{_words(box)}` does not lie in the picture, which has {width}x{height} pixels",
                hint="a box is `left,top,width,height` in pixels of the upright photo",
            )
        if box.width * box.height > 0.98 * width * height:
            raise UsageProblem(f"box `{_words(box)}` is the whole picture", hint="draw it closely around the subject")


def soft_iou(one: Float[Tensor, "*f h w"], other: Float[Tensor, "*f h w"]) -> float:
    """How alike two masks in 0..1 are: the sum of minima over the sum of maxima, 1 for equal ones."""
    union = float(torch.maximum(one, other).sum())
    return float(torch.minimum(one, other).sum()) / union if union else 1.0


def _words(box: Box) -> str:
    return ",".join(f"{side:g}" for side in box)


def _area(box: Box, scale: float) -> tuple[slice, slice]:
    left, top = round(box.left * scale), round(box.top * scale)
    right, bottom = round((box.left + box.width) * scale), round((box.top + box.height) * scale)
    return slice(top, max(bottom, top + 1)), slice(left, max(right, left + 1))


def _work_size(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    height, width = pixels.shape[:2]
    scale = LONG_SIDE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return enlarged(pixels, size), size


def _own_size(cut: NDArray[np.bool_], pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    height, width = pixels.shape[:2]
    return np.clip(enlarged(cut.astype(np.float32), (width, height)), 0, 1).astype(np.float32)
