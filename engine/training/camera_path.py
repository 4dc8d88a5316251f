"""How a camera moves over a picture: for each frame of a clip, the part of the picture that it sees.

Source: MIVA, appendix D.2 (a random crop, then translation for a pan or resizing for a zoom). The paper names no
speeds; those here are ours: a pan goes 15 to 35 % of the frame's own width or height, a zoom by a factor of 0.6 to
0.85 in the side of the crop, a roll 6 to 18 degrees.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engine.clip_requests import CameraMotion
    from engine.video.framing import Size

PAN: Final = (0.15, 0.35)
ZOOM: Final = (0.6, 0.85)
ROLL: Final = (6.0, 18.0)
# The point that a zoom leaves in its place: within so much of the middle, in shares of the frame.
JITTER: Final = 0.15
# A crop is at least this share of the largest one there is.
SMALLEST_CROP: Final = 0.6
# A zoom that changes the picture less than this is not worth a clip.
LEAST_ZOOM: Final = 0.95


class NoRoom(Exception):
    """A picture is too small for a motion; `needed` is the least width and height."""

    def __init__(self, needed: tuple[int, int]) -> None:
        super().__init__(needed)
        self.needed = needed


@dataclass(frozen=True)
class View:
    """What the camera sees in one frame, in pixels of the picture.

    Attributes:
        x: of the middle, from the left.
        y: of the middle, from the top.
        width: of what is seen.
        height: likewise.
        turn: of the camera, in radians, clockwise as the picture is looked at.
    """

    x: float
    y: float
    width: float
    height: float
    turn: float = 0.0


def camera_path(
    motion: CameraMotion, picture: Size, frame: Size, *, frames: int, amount: float, draws: np.random.Generator
) -> tuple[View, ...]:
    """A steady move: constant velocity for a pan and a roll, constant ratio from frame to frame for a zoom.

    No view is smaller than the frame it becomes, so that nothing is enlarged, and none leaves the picture.

    Args:
        motion: as the camera moves: on `pan-right` the picture goes left, `roll` turns the camera clockwise.
        picture: its size in pixels.
        frame: the size of the clip in pixels.
        frames: of the clip, at least 2.
        amount: how far it goes, from 0 (the least of its range) to 1.
        draws: decides the rest: where and how large.

    Raises:
        NoRoom: the picture is too small.
    """
    steps = np.linspace(0, 1, frames)
    if motion == "roll":
        return _roll(picture, frame, steps, math.radians(_between(ROLL, amount)), draws)
    if motion.startswith("zoom"):
        views = _zoom(picture, frame, steps, amount, draws)
        return views if motion == "zoom-in" else views[::-1]
    views = _pan(picture, frame, steps, _between(PAN, amount), across=motion in {"pan-left", "pan-right"}, draws=draws)
    return views if motion in {"pan-right", "pan-down"} else views[::-1]


def _pan(
    picture: Size,
    frame: Size,
    steps: NDArray[np.float64],
    travel: float,
    *,
    across: bool,
    draws: np.random.Generator,
) -> tuple[View, ...]:
    """A window that goes right, or down, by `travel` of its own side."""
    room = (1 + travel, 1.0) if across else (1.0, 1 + travel)
    scale = _scale(picture, frame, room, draws=draws)
    width, height = frame.width * scale, frame.height * scale
    left = _drawn(draws, 0, picture.width - width * room[0])
    top = _drawn(draws, 0, picture.height - height * room[1])
    x = left + width / 2 + (width * travel * steps if across else 0 * steps)
    y = top + height / 2 + (0 * steps if across else height * travel * steps)
    return tuple(View(float(a), float(b), width, height) for a, b in zip(x, y, strict=True))


def _zoom(
    picture: Size, frame: Size, steps: NDArray[np.float64], amount: float, draws: np.random.Generator
) -> tuple[View, ...]:
    """A window that shrinks by one ratio from frame to frame about a point that stays."""
    largest = min(picture.width / frame.width, picture.height / frame.height)
    deepest = max(ZOOM[0], 1 / largest)
    if deepest > LEAST_ZOOM:
        raise NoRoom(_needed(frame, (1 / LEAST_ZOOM, 1 / LEAST_ZOOM)))
    side = _between((max(ZOOM[1], deepest), deepest), amount)
    scale = _drawn(draws, max(SMALLEST_CROP * largest, 1 / side), largest)
    width, height = frame.width * scale, frame.height * scale
    left, top = _drawn(draws, 0, picture.width - width), _drawn(draws, 0, picture.height - height)
    across, down = draws.uniform(0.5 - JITTER, 0.5 + JITTER, size=2)
    fixed = left + across * width, top + down * height
    return tuple(
        View(
            float(fixed[0] + (0.5 - across) * width * share),
            float(fixed[1] + (0.5 - down) * height * share),
            float(width * share),
            float(height * share),
        )
        for share in side**steps
    )


def _roll(
    picture: Size, frame: Size, steps: NDArray[np.float64], angle: float, draws: np.random.Generator
) -> tuple[View, ...]:
    """A window that turns about its middle, from half the angle on one side to half on the other."""
    most = angle / 2
    aspect = frame.width / frame.height
    room = (math.cos(most) + math.sin(most) / aspect, math.cos(most) + math.sin(most) * aspect)
    scale = _scale(picture, frame, room, draws=draws)
    width, height = frame.width * scale, frame.height * scale
    reach = width * room[0] / 2, height * room[1] / 2
    x = _drawn(draws, reach[0], picture.width - reach[0])
    y = _drawn(draws, reach[1], picture.height - reach[1])
    return tuple(View(x, y, width, height, float(turn)) for turn in angle * (steps - 0.5))


def _scale(picture: Size, frame: Size, room: tuple[float, float], *, draws: np.random.Generator) -> float:
    """Picture pixels per frame pixel, drawn; `room` is how many views must lie beside and below each other."""
    largest = min(picture.width / (frame.width * room[0]), picture.height / (frame.height * room[1]))
    if largest < 1:
        raise NoRoom(_needed(frame, room))
    return _drawn(draws, max(1.0, SMALLEST_CROP * largest), largest)


def _drawn(draws: np.random.Generator, low: float, high: float) -> float:
    """A number between two; where rounding left no room between them, the first one."""
    return float(draws.uniform(low, max(low, high)))


def _needed(frame: Size, room: tuple[float, float]) -> tuple[int, int]:
    return math.ceil(frame.width * room[0]), math.ceil(frame.height * room[1])


def _between(ends: tuple[float, float], share: float) -> float:
    return ends[0] + (ends[1] - ends[0]) * share
