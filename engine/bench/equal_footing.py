"""Clips of any size and rate as what is compared: one size, one rate, as many frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.metrics.sample import SHORTEST
from engine.video.clip_reader import read_clip
from engine.video.framed_picture import resized
from engine.video.framing import Box
from registry_schema.errors import UsageProblem

if TYPE_CHECKING:
    from pathlib import Path

    from jaxtyping import UInt8


@dataclass(frozen=True)
class Footing:
    """What every clip of a case is brought to: size in pixels, frames at most, frames a second."""

    width: int
    height: int
    frames: int
    fps: float


def equalled(path: Path, footing: Footing) -> UInt8[np.ndarray, "f h w 3"]:
    """The clip in a file or folder as it is scored.

    Raises:
        UsageProblem: too short.
        NotFound, IntegrityProblem, ResourceProblem: no clip, or one that can not be read.
    """
    clip = read_clip(path)
    frames = clip.sampled(footing.fps)[: footing.frames]
    if len(frames) < SHORTEST:
        raise UsageProblem(
            f"clip `{path.name}` shows {len(frames)} frames in {clip.seconds:.2f} s at {footing.fps:g} a second, "
            f"expected {SHORTEST} at least"
        )
    return np.stack([fitted(frame, footing.width, footing.height) for frame in frames])


def fitted(picture: UInt8[np.ndarray, "h w 3"], width: int, height: int) -> UInt8[np.ndarray, "h w 3"]:
    """The middle of a picture in the shape of a size, at that size; one of that size is untouched."""
    here_height, here_width = picture.shape[:2]
    if (here_width, here_height) == (width, height):
        return picture
    scale = min(here_width / width, here_height / height)
    part_width, part_height = width * scale, height * scale
    box = Box((here_width - part_width) / 2, (here_height - part_height) / 2, part_width, part_height)
    return resized(picture, (width, height), box=box)
