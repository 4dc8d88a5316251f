"""The clips of one case made alike, so that only what moves differs: size, length, speed, format, metadata.

Each clip is decoded and encoded again: names in metadata would give a method away, other formats would look or load
differently, and bytes from elsewhere never reach a viewer's browser.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mivactl.engine_bridge import open_photo, read_clip, resized_picture, write_clip
from registry_schema.errors import MivaError
from registry_schema.text import shown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from mivactl.engine_bridge import Clip

_LONGEST_SIDE: Final = 1024
_MOST_BYTES: Final = 1 << 29
_FEWEST_PIXELS: Final = 16
_PICTURE_SIDE: Final = 640
_PICTURE_QUALITY: Final = 85


@dataclass(frozen=True)
class Levelled:
    """Clips of one size and length.

    Attributes:
        frames: of each method, `f h w 3` uint8 sRGB.
        notes: what was changed, for a person.
    """

    frames: dict[str, NDArray[np.uint8]]
    notes: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Frames, height and width of every clip."""
        count, height, width, _ = next(iter(self.frames.values())).shape
        return count, height, width


class Unusable(Exception):
    """A clip that no study can show; says why."""


def level(clips: Mapping[str, Path]) -> Levelled:
    """The clips of one case, by method: cut to the shortest, and scaled and cropped about the middle to the smallest.

    Raises:
        Unusable: a clip can not be read, or is too small.
    """
    read = {method: _read(method, path) for method, path in clips.items()}
    count = min(len(clip.frames) for clip in read.values())
    height, width = min((clip.frames.shape[1:3] for clip in read.values()), key=lambda size: size[0] * size[1])
    height, width = height - height % 2, width - width % 2
    notes = []
    for method, clip in read.items():
        frames, tall, wide, _ = clip.frames.shape
        if (tall - tall % 2, wide - wide % 2) != (height, width):
            notes.append(f"`{shown(method)}` was scaled and cropped from {wide}x{tall} to {width}x{height}")
        if frames > count:
            notes.append(f"`{shown(method)}` was cut from {frames} to {count} frames")
    frames_of = {method: _fitted(clip.frames[:count], height, width) for method, clip in read.items()}
    return Levelled(frames_of, tuple(notes))


def write_levelled(frames: NDArray[np.uint8], path: Path, *, fps: float) -> None:
    """One clip as MP4 with nothing but its pictures in it."""
    write_clip(frames, path, fps=fps)


def write_picture(photo: Path, target: Path, *, size: tuple[int, int]) -> bool:
    """The photo as a small WebP, cropped about the middle to the shape of its clips; false when it can not be read.

    Args:
        size: height and width of the clips.
    """
    from PIL import Image

    try:
        pixels = open_photo(photo, shrink_to=2 * _PICTURE_SIDE).pixels
    except MivaError:
        return False
    scale = min(1.0, _PICTURE_SIDE / max(size))
    height, width = (max(2, round(side * scale)) for side in size)
    Image.fromarray(_fitted(pixels[None], height, width)[0]).save(target, "webp", quality=_PICTURE_QUALITY)
    return True


def _read(method: str, path: Path) -> Clip:
    try:
        clip = read_clip(path, max_bytes=_MOST_BYTES, long_side=_LONGEST_SIDE)
    except MivaError as error:
        raise Unusable(f"the clip of `{shown(method)}` can not be used: {error.message}") from error
    if min(clip.frames.shape[1:3]) < _FEWEST_PIXELS:
        raise Unusable(f"the clip of `{shown(method)}` has fewer than {_FEWEST_PIXELS} pixels on a side")
    return clip


def _fitted(frames: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Frames scaled until they cover `height` x `width`, cropped about the middle."""
    import numpy as np

    tall, wide = frames.shape[1:3]
    scale = max(height / tall, width / wide)
    covering = (max(width, round(wide * scale)), max(height, round(tall * scale)))
    if (tall, wide) != (covering[1], covering[0]) and max(abs(tall - height), abs(wide - width)) > 1:
        frames = np.stack([resized_picture(frame, covering) for frame in frames])
    top, left = (frames.shape[1] - height) // 2, (frames.shape[2] - width) // 2
    return frames[:, top : top + height, left : left + width]
