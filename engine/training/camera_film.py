"""The frames that a camera sees on its path over a picture, resampled without aliasing and without enlarging."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from engine.training.camera_path import View
    from engine.video.framing import Size

# A turned view is taken at this many times the frame's size and then shrunk: interpolation alone would alias.
FINER = 3


def film(picture: NDArray[np.uint8], path: Sequence[View], frame: Size) -> NDArray[np.uint8]:
    """Frames `f h w 3` of a picture `h w 3`, one for each view; a path with a turn keeps its scale."""
    image = Image.fromarray(picture)
    # one way for all frames: among turned ones, one that is level would be sharper
    if any(view.turn for view in path):
        small = _shrunk(image, path[0], frame)
        seen = [_turned(small, view, frame, small.width / image.width, small.height / image.height) for view in path]
    else:
        seen = [_level(image, view, frame) for view in path]
    return np.stack([np.asarray(picture, dtype=np.uint8) for picture in seen])


def _level(image: Image.Image, view: View, frame: Size) -> Image.Image:
    left, top = view.x - view.width / 2, view.y - view.height / 2
    # what rounding put outside is a millionth of a pixel
    box = (max(0.0, left), max(0.0, top), min(image.width, left + view.width), min(image.height, top + view.height))
    return image.resize(frame, Image.Resampling.LANCZOS, box=box)


def _shrunk(image: Image.Image, view: View, frame: Size) -> Image.Image:
    """The picture at a size at which the view has `FINER` times the frame's pixels, or fewer."""
    shrink = frame.width * FINER / view.width
    if shrink >= 1:
        return image
    size = math.ceil(image.width * shrink), math.ceil(image.height * shrink)
    return image.resize(size, Image.Resampling.LANCZOS)


def _turned(image: Image.Image, view: View, frame: Size, across: float, down: float) -> Image.Image:
    """What a turned camera sees; `across` and `down` are pixels of the image in a pixel of what the view is in."""
    fine = frame.width * FINER, frame.height * FINER
    cos, sin = math.cos(view.turn), math.sin(view.turn)
    pixel = view.width / fine[0], view.height / fine[1]
    # Pillow asks for the source place of an output place; a camera that turns clockwise looks along turned axes.
    matrix = (
        pixel[0] * cos * across,
        -pixel[1] * sin * across,
        (view.x - view.width / 2 * cos + view.height / 2 * sin) * across,
        pixel[0] * sin * down,
        pixel[1] * cos * down,
        (view.y - view.width / 2 * sin - view.height / 2 * cos) * down,
    )
    turned = image.transform(fine, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)
    return turned.resize(frame, Image.Resampling.LANCZOS)
