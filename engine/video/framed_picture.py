"""Pictures cut by a framing: the base's frame 0, the still output picture, and the finished frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from engine.video.framing import box_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.video.framing import Box, Framing

# The share of the window's short side over which motion fades into the still photo around it.
FEATHER = 0.04


def resized(pixels: NDArray[np.uint8], size: tuple[int, int], *, box: Box | None = None) -> NDArray[np.uint8]:
    """Pixels `h w 3`, or the part of them in `box`, at `size` (width, height); Lanczos with the right support.

    Whole pixels at their own size come back bit for bit.
    """
    image = Image.fromarray(pixels)
    area = (0.0, 0.0, float(image.width), float(image.height))
    if box is not None:
        right, bottom = min(box.left + box.width, image.width), min(box.top + box.height, image.height)
        area = (max(0.0, box.left), max(0.0, box.top), right, bottom)
    return np.array(image.resize(size, Image.Resampling.LANCZOS, box=area), dtype=np.uint8)


def to_base(pixels: NDArray[np.uint8], framing: Framing) -> NDArray[np.uint8]:
    """The photo `h w 3` as the base's frame 0, `h w 3` at base size; padded with its own edge pixels."""
    area = framing.frame_area
    seen = resized(pixels, (int(area.width), int(area.height)), box=framing.frame_box)
    left, top = int(area.left), int(area.top)
    right, bottom = framing.base_size.width - left - seen.shape[1], framing.base_size.height - top - seen.shape[0]
    return np.pad(seen, ((top, bottom), (left, right), (0, 0)), mode="edge")


def to_picture(pixels: NDArray[np.uint8], framing: Framing) -> NDArray[np.uint8]:
    """The photo `h w 3` as the still output picture, `h w 3` at output size; this is frame 0 of the clip."""
    box = framing.picture_box
    shown = resized(pixels, (int(box.width), int(box.height)), box=framing.photo_box)
    if box == box_of(framing.output_size):
        return shown
    picture = np.zeros((framing.output_size.height, framing.output_size.width, 3), dtype=np.uint8)
    picture[box.rows_and_columns] = shown
    return picture


def to_output(moving: NDArray[np.uint8], picture: NDArray[np.uint8], framing: Framing) -> NDArray[np.uint8]:
    """Frames `f h w 3` of the window, laid into the still picture; outside the window the picture is untouched."""
    if framing.covers_output:
        return moving
    output = np.repeat(picture[None], len(moving), axis=0)
    rows, columns = framing.window.rows_and_columns
    still = picture[rows, columns].astype(np.float32)
    share = _feather(framing)[..., None]
    for frame, moved in zip(output, moving, strict=True):
        frame[rows, columns] = np.rint(still + share * (moved - still)).astype(np.uint8)
    return output


def _feather(framing: Framing) -> NDArray[np.float32]:
    """How much of the motion shows, `h w` in (0, 1]: less near those edges of the window that have photo beyond."""
    window, shown = framing.window, framing.picture_box
    reach = max(1.0, FEATHER * min(window.width, window.height))
    across = _ramp(
        int(window.width),
        reach=reach,
        starts=window.left > shown.left,
        ends=window.left + window.width < shown.left + shown.width,
    )
    down = _ramp(
        int(window.height),
        reach=reach,
        starts=window.top > shown.top,
        ends=window.top + window.height < shown.top + shown.height,
    )
    return down[:, None] * across[None, :]


def _ramp(length: int, *, reach: float, starts: bool, ends: bool) -> NDArray[np.float32]:
    """1 inside, falling to nearly 0 within `reach` of the ends that ask for it; smooth at both of its ends."""
    place = np.arange(length, dtype=np.float32) + 0.5
    share = np.ones(length, dtype=np.float32)
    for wanted, distance in ((starts, place), (ends, length - place)):
        if wanted:
            near = np.clip(distance / reach, 0, 1)
            share *= near * near * (3 - 2 * near)
    return share
