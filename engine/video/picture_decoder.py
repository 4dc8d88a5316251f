"""Frames of animated GIF, WebP and PNG files, and of folders of pictures, through Pillow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from engine.video.container_tag import FRAME_RATE
from engine.video.photo import open_photo
from engine.video.timed_frame import ClipDamage, TimedFrame, shrunk_size
from registry_schema.errors import MivaError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

FRAME_SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp"))
FOLDER_RATE = 8.0
# What browsers make of a GIF that states no delay.
UNSTATED_SECONDS = 0.1


def picture_frames(path: Path, *, long_side: int | None) -> Iterator[TimedFrame]:
    """The frames of an animated picture; transparent parts are white.

    Raises:
        ClipDamage: not such a picture, or broken bytes.
    """
    seconds = 0.0
    try:
        with Image.open(path, formats=("GIF", "WEBP", "PNG")) as image:
            for place in range(getattr(image, "n_frames", 1)):
                image.seek(place)
                image.load()
                stays = float(image.info.get("duration", 0)) / 1000 or UNSTATED_SECONDS
                yield TimedFrame(_pixels(image, long_side=long_side), seconds, stays)
                seconds += stays
    except (OSError, SyntaxError, ValueError, EOFError, IndexError) as error:
        raise ClipDamage(str(error)) from error


def folder_pictures(folder: Path) -> tuple[Path, ...]:
    """The pictures in a folder, in the order of their names; hidden files are left out."""
    named = (entry for entry in folder.iterdir() if entry.suffix.lower() in FRAME_SUFFIXES)
    return tuple(sorted(entry for entry in named if not entry.name.startswith(".")))


def folder_frames(folder: Path, *, long_side: int | None) -> Iterator[TimedFrame]:
    """The pictures in a folder as frames, at the rate that the first one states, else 8 a second.

    Raises:
        ClipDamage: a picture can not be read.
    """
    pictures = folder_pictures(folder)
    rate = _stated_rate(pictures[0]) if pictures else FOLDER_RATE
    for place, picture in enumerate(pictures):
        try:
            pixels = open_photo(picture).pixels
        except MivaError as error:
            raise ClipDamage(error.message) from error
        yield TimedFrame(_shrunk(Image.fromarray(pixels), long_side=long_side), place / rate, 1 / rate)


def _stated_rate(picture: Path) -> float:
    try:
        with Image.open(picture) as image:
            rate = float(getattr(image, "text", {}).get(FRAME_RATE, FOLDER_RATE))
    except (OSError, ValueError, SyntaxError):
        return FOLDER_RATE
    return rate if 0 < rate < float("inf") else FOLDER_RATE


def _pixels(image: Image.Image, *, long_side: int | None) -> NDArray[np.uint8]:
    if image.has_transparency_data:
        ground = Image.new("RGBA", image.size, "white")
        return _shrunk(Image.alpha_composite(ground, image.convert("RGBA")).convert("RGB"), long_side=long_side)
    return _shrunk(image.convert("RGB"), long_side=long_side)


def _shrunk(image: Image.Image, *, long_side: int | None) -> NDArray[np.uint8]:
    size = shrunk_size(image.width, image.height, long_side)
    shown = image if size == image.size else image.resize(size, Image.Resampling.LANCZOS)
    return np.array(shown, dtype=np.uint8)
