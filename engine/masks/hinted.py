"""The subject in boxes and under clicks: its colours are rare outside of the boxes, or like those under the clicks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from engine.masks.cutting import agreement, cut_likely
from engine.masks.found_mask import FoundMask
from engine.video.optical_flow import softened
from registry_schema.errors import NotFound, UsageProblem

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.mask_requests import Box, MaskHints

SOURCE: Final = "box or clicks"
COLOUR_STEP: Final = 24
"""Levels of 255 that count as one colour."""
CLICK_RADIUS, CLICK_REACH = 0.015, 0.25
"""Shares of the long side: what a click is sure of, and over what its word fades."""
CLICK_LEVELS: Final = 45.0
"""Levels of 255 over which a colour stops being like that under a click."""
CENTRE: Final = 0.5
"""How much of a box's word its middle keeps and its rim does not."""
WHOLE: Final = 0.98
"""Share of the picture at which a box says nothing."""


def cut_hinted(pixels: NDArray[np.uint8], hints: MaskHints, *, prior: NDArray[np.float32] | None = None) -> FoundMask:
    """The subject in boxes and under clicks, in a picture `h w 3`.

    Args:
        pixels: of the picture.
        hints: at least one box or point.
        prior: how likely the subject is at each pixel `h w`, by whoever knows its kind.

    Raises:
        UsageProblem: a box or a click outside of the picture, or a box around all of it.
        NotFound: nothing in the boxes stands out from what is around them.
    """
    check_hints(hints, pixels)
    boxed = _inside(hints.boxes, pixels) if hints.boxes else None
    likelihood = np.ones(pixels.shape[:2], dtype=np.float32)
    if boxed is not None:
        likelihood = _standing_out(pixels, boxed) * _centred(hints.boxes, pixels)
    clicked = _clicked(hints, pixels)
    if hints.points:
        likelihood = np.maximum(likelihood * (boxed is not None), _like_clicks(pixels, hints))
    if prior is not None:
        likelihood = likelihood * (prior / max(float(prior.max()), 1e-6) + 0.1)
    behind = _rim(pixels) & ~clicked if boxed is None else ~boxed
    mask = cut_likely(pixels, likelihood.astype(np.float32), subject=clicked, behind=behind)
    if float(mask.mean()) == 0:
        raise NotFound(
            "nothing in the box stands out from what is around it",
            hint="draw the box so that some background is left inside, or add `--point x,y` on the subject",
        )
    sure = math.sqrt(agreement(likelihood.astype(np.float32), mask))
    return FoundMask(torch.from_numpy(mask), sure, SOURCE)


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
        words = ",".join(f"{side:g}" for side in box)
        if not inside or min(box.width, box.height) < 1:
            raise UsageProblem(
                f"box `{words}` does not lie in the picture, which has {width}x{height} pixels",
                hint="a box is `left,top,width,height` in pixels of the upright photo",
            )
        if box.width * box.height > WHOLE * width * height:
            raise UsageProblem(f"box `{words}` is the whole picture", hint="draw it closely around the subject")


def _standing_out(pixels: NDArray[np.uint8], boxed: NDArray[np.bool_]) -> NDArray[np.float32]:
    """How much more often each pixel's colour, or one like it, is found in the boxes than outside of them, 0 to 1."""
    steps = 255 // COLOUR_STEP + 1
    red, green, blue = (pixels[..., channel] // COLOUR_STEP for channel in range(3))
    colours = (red.astype(np.int64) * steps + green) * steps + blue
    shares = []
    for place in (boxed, ~boxed):
        counts = np.bincount(colours[place], minlength=steps**3).astype(np.float32).reshape(steps, steps, steps)
        shares.append(_spread(counts) / max(float(place.sum()), 1.0))
    inside, outside = shares
    return np.asarray((inside / (inside + outside + 1e-9)).reshape(-1)[colours] * boxed, dtype=np.float32)


def _spread(counts: NDArray[np.float32]) -> NDArray[np.float32]:
    """A colour histogram with a quarter of each count given to its neighbours along each axis."""
    for axis in range(3):
        padded = np.pad(counts, [(1, 1) if axis == other else (0, 0) for other in range(3)], mode="edge")
        before, after = (np.take(padded, range(start, start + counts.shape[axis]), axis) for start in (0, 2))
        counts = counts * 0.75 + (before + after) * 0.125
    return counts


def _centred(boxes: tuple[Box, ...], pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """1 in the middle of a box, less towards its rim, 0 outside of all boxes."""
    rows, columns = _places(pixels)
    word = np.zeros(pixels.shape[:2], dtype=np.float32)
    for box in boxes:
        across = (columns - box.left - box.width / 2) / (box.width / 2)
        down = (rows - box.top - box.height / 2) / (box.height / 2)
        middle = 1 - CENTRE * np.clip(np.hypot(across, down), 0, 1)
        word = np.maximum(word, middle * (np.maximum(abs(across), abs(down)) <= 1))
    return word.astype(np.float32)


def _like_clicks(pixels: NDArray[np.uint8], hints: MaskHints) -> NDArray[np.float32]:
    """How like the clicked colours a pixel is, and how near to one of the clicks, 0 to 1."""
    rows, columns = _places(pixels)
    smooth = softened(pixels.astype(np.float32), max(0.5, CLICK_RADIUS / 2 * max(pixels.shape)))
    word = np.zeros(pixels.shape[:2], dtype=np.float32)
    for point in hints.points:
        colour = smooth[int(point.y), int(point.x)]
        alike = np.exp(-(np.linalg.norm(pixels - colour, axis=-1) ** 2) / CLICK_LEVELS**2)
        near = np.hypot(columns - point.x, rows - point.y) / (CLICK_REACH * max(pixels.shape))
        word = np.maximum(word, alike * np.exp(-(near**2)))
    return word.astype(np.float32)


def _inside(boxes: tuple[Box, ...], pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    rows, columns = _places(pixels)
    inside = np.zeros(pixels.shape[:2], dtype=bool)
    for box in boxes:
        across = (columns >= box.left) & (columns <= box.left + box.width)
        inside |= across & (rows >= box.top) & (rows <= box.top + box.height)
    return inside


def _clicked(hints: MaskHints, pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The pixels that a click is sure of: itself at least."""
    rows, columns = _places(pixels)
    clicked = np.zeros(pixels.shape[:2], dtype=bool)
    for point in hints.points:
        clicked |= np.hypot(columns - point.x, rows - point.y) <= max(0.75, CLICK_RADIUS / 2 * max(pixels.shape))
    return clicked


def _rim(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    rim = np.zeros(pixels.shape[:2], dtype=bool)
    rim[[0, -1], :] = rim[:, [0, -1]] = True
    return rim


def _places(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rows and columns of the pixels' centres."""
    height, width = pixels.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    return rows + 0.5, columns + 0.5
