"""Memorisation, looked for in pixels: whether a preview ends in a picture that was trained on, not in its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from engine.video.framed_picture import resized

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jaxtyping import Float32, UInt8

SMALL: Final = (16, 10)
"""Width and height that frames are compared at: what is where, not how sharp it is."""
MUCH_NEARER: Final = 0.5
"""Share of a distance that counts as clearly less."""


class TrainedFrames:
    """The frames of the training clips, small.

    Args:
        clips: name and frames f h w 3 of each clip, one at a time.
    """

    def __init__(self, clips: Iterable[tuple[str, UInt8[np.ndarray, "f h w 3"]]]) -> None:
        self._clips = {name: np.stack([_small(frame) for frame in frames]) for name, frames in clips}

    def copied(self, frames: UInt8[np.ndarray, "f h w 3"], *, own: str | None) -> str | None:
        """The clip in one of whose frames a preview ends; none as it should be.

        The last frame has to be much nearer to a frame of that clip than to the preview's own first frame, and much
        nearer than the first frame was: a preview that began near a clip has not gone there.

        Args:
            frames: of the preview.
            own: the clip whose first frame the preview began with, which it may resemble.
        """
        first, last = _small(frames[0]), _small(frames[-1])
        home = _distance(last, first)
        for name, clip in self._clips.items():
            if name == own:
                continue
            near, before = float(_distance(clip, last).min()), float(_distance(clip, first).min())
            if near < MUCH_NEARER * home and near < MUCH_NEARER * before:
                return name
        return None


def _small(frame: UInt8[np.ndarray, "h w 3"]) -> Float32[np.ndarray, "h w 3"]:
    return resized(frame, SMALL).astype(np.float32)


def _distance(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Mean squares of differences in levels of 255, over the last three axes."""
    return np.square(one - other).mean(axis=(-3, -2, -1))
