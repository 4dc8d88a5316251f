"""Clips of a square that moves to the right, drawn and written as files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def moving_square(count: int, *, height: int = 40, width: int = 48, speed: int = 2) -> NDArray[np.uint8]:
    """`count` frames f h w 3; in frame i the square's left side is at `speed * i`."""
    frames = np.full((count, height, width, 3), 40, dtype=np.uint8)
    for index in range(count):
        left = (speed * index) % width
        frames[index, 10:20, left : left + 10] = (220, 120, 30)
    return frames


def write_gif(path: Path, frames: NDArray[np.uint8], *, fps: float = 8) -> Path:
    pictures = [Image.fromarray(frame) for frame in frames]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=round(1000 / fps), loop=0)
    return path


def write_clips(folder: Path, count: int = 3, *, frames: int = 8) -> Path:
    """A folder of gifs, each at another speed."""
    folder.mkdir()
    for index in range(count):
        write_gif(folder / f"clip-{index}.gif", moving_square(frames, speed=index + 1))
    return folder
