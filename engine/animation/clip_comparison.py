"""How far two clip files differ, as seen by a viewer; and small copies of clips to compare with later."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.requests import ClipComparison
from engine.video.clip_reader import read_clip
from engine.video.clip_writer import write_clip
from engine.video.framed_picture import resized
from registry_schema.errors import Incompatible

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def compare_clips(first: Path, second: Path) -> ClipComparison:
    """Frame by frame, both decoded; the larger one is brought to the smaller one's size.

    Raises:
        Incompatible: clips of different lengths.
        NotFound, IntegrityProblem, UsageProblem: a file that is no clip.
    """
    one, other = read_clip(first).frames, read_clip(second).frames
    if len(one) != len(other):
        msg = f"`{first}` has {len(one)} frames, `{second}` has {len(other)}, expected as many"
        raise Incompatible(msg)
    size = min(_size(one), _size(other))
    errors = [psnr(_at(size, a), _at(size, b)) for a, b in zip(one, other, strict=True)]
    return ClipComparison(psnr=float(np.mean(errors)), worst_psnr=min(errors))


def write_small_copy(clip: Path, copy: Path, *, width: int) -> None:
    """The clip at `width` pixels, in the format of `copy`'s suffix; no receipt goes with it."""
    source = read_clip(clip)
    height, full_width = source.frames.shape[1:3]
    size = (width, max(2, round(height * width / full_width / 2) * 2))
    write_clip(np.stack([_at(size, frame) for frame in source.frames]), copy, fps=source.fps)


def psnr(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio in dB of two pictures of one shape; infinite when they are equal."""
    error = float(np.square(first.astype(np.float32) - second.astype(np.float32)).mean())
    return float("inf") if error == 0 else 10 * float(np.log10(255**2 / error))


def _size(frames: NDArray[np.uint8]) -> tuple[int, int]:
    """Width and height; of two sizes the smaller is the narrower."""
    return frames.shape[2], frames.shape[1]


def _at(size: tuple[int, int], frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return frame if (frame.shape[1], frame.shape[0]) == size else resized(frame, size)
