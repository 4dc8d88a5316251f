"""Frames of animated GIF, WebP and PNG files, and of folders of pictures, through Pillow."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from engine.video.container_tag import FRAME_RATE
from engine.video.photo import open_photo
from engine.video.timed_frame import ClipDamage, TimedFrame, shrunk_size
from registry_schema.errors import MivaError, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

FRAME_SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp"))
FOLDER_RATE = 8.0
# beside the frames: `fps = 24`
RATE_FILE = "clip.toml"
# What browsers make of a GIF that states no delay.
UNSTATED_SECONDS = 0.1
FASTEST = 1000.0


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
            if image.format == "GIF":
                _check_trailer(path)
    except (OSError, SyntaxError, ValueError, EOFError, IndexError) as error:
        raise ClipDamage(str(error)) from error


def _check_trailer(path: Path) -> None:
    """Pillow takes a GIF that was cut off for one with fewer frames; only its last byte tells.

    Source: GIF89a, section 27.
    """
    if not path.read_bytes().rstrip(b"\0").endswith(b";"):
        raise ClipDamage("the file was cut off")


def folder_pictures(folder: Path) -> tuple[Path, ...]:
    """The pictures in a folder, in the order of their names; hidden files are left out."""
    named = (entry for entry in folder.iterdir() if entry.suffix.lower() in FRAME_SUFFIXES)
    return tuple(sorted(entry for entry in named if not entry.name.startswith(".")))


def folder_frames(folder: Path, *, long_side: int | None) -> Iterator[TimedFrame]:
    """The pictures in a folder as frames, at the rate that is stated for them, else 8 a second.

    Raises:
        ClipDamage: a picture can not be read.
        UsageProblem: the stated rate is none.
    """
    rate = stated_rate(folder) or FOLDER_RATE
    for place, picture in enumerate(folder_pictures(folder)):
        try:
            pixels = open_photo(picture).pixels
        except MivaError as error:
            raise ClipDamage(error.message) from error
        yield TimedFrame(_shrunk(Image.fromarray(pixels), long_side=long_side), place / rate, 1 / rate)


def stated_rate(folder: Path) -> float | None:
    """Frames per second of a folder of pictures: from `clip.toml` beside them, else from inside the first one.

    Raises:
        UsageProblem: `clip.toml` holds no such number.
    """
    beside = folder / RATE_FILE
    if beside.exists():
        return _rate_beside(beside)
    pictures = folder_pictures(folder)
    return _rate_inside(pictures[0]) if pictures else None


def _rate_beside(file: Path) -> float:
    try:
        rate = tomllib.loads(file.read_text(encoding="utf-8")).get("fps")
    except (OSError, ValueError) as error:
        raise UsageProblem(f"`{file}` can not be read: {error}", hint=f"echo 'fps = 24' > {file}") from error
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate <= FASTEST:
        raise UsageProblem(
            f"`{file}`: fps is `{rate}`, expected more than 0 and at most {FASTEST:g}",
            hint=f"echo 'fps = 24' > {file}",
        )
    return float(rate)


def _rate_inside(picture: Path) -> float | None:
    try:
        with Image.open(picture) as image:
            rate = float(getattr(image, "text", {})[FRAME_RATE])
    except (OSError, ValueError, SyntaxError, KeyError):
        return None
    return rate if 0 < rate < float("inf") else None


def _pixels(image: Image.Image, *, long_side: int | None) -> NDArray[np.uint8]:
    if image.has_transparency_data:
        ground = Image.new("RGBA", image.size, "white")
        return _shrunk(Image.alpha_composite(ground, image.convert("RGBA")).convert("RGB"), long_side=long_side)
    return _shrunk(image.convert("RGB"), long_side=long_side)


def _shrunk(image: Image.Image, *, long_side: int | None) -> NDArray[np.uint8]:
    size = shrunk_size(image.width, image.height, long_side)
    shown = image if size == image.size else image.resize(size, Image.Resampling.LANCZOS)
    return np.array(shown, dtype=np.uint8)
