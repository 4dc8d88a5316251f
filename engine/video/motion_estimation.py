"""Where each pixel of a clip came from in its first frame, estimated from the frames alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.video.optical_flow import flow, softened, warped

if TYPE_CHECKING:
    from numpy.typing import NDArray

NEIGHBOURHOOD = 2.0
"""Pixels over which a motion is judged."""
WORTH = 0.2
"""Share of a frame's difference to frame 0 that a motion must explain to count as one."""
NOISE = 1.0
"""Squared levels of 255 that a motion must explain besides: video noise."""
PLAIN = 12.0
"""Squared levels of 255 by which a pixel's surroundings must vary to say whether it moved."""
REACH = 6.0
"""Pixels from which plain surfaces take their motion."""


def origins_of(frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Displacements `f h w 2` in pixels (right, down) from each pixel to its place in frame 0; zero in frame 0.

    Motion is followed from frame to frame and set right against frame 0 itself where that explains the frame better.
    Where it explains no more than frame 0 standing still does, it is zero. Plain surfaces, on which nothing can be
    seen to move, move as what is around them.

    Args:
        frames: `f h w 3`.
    """
    first = frames[0].astype(np.float32)
    found = np.zeros((*frames.shape[:3], 2), dtype=np.float32)
    origin = found[0]
    for place in range(1, len(frames)):
        frame = frames[place].astype(np.float32)
        step = flow(frames[place], frames[place - 1])
        followed = step + warped(origin, step)
        direct = flow(frames[place], frames[0], guess=followed)
        better = _error(frame, warped(first, direct)) < _error(frame, warped(first, followed))
        origin = np.where(better[..., None], direct, followed)
        found[place] = _spread(origin * _worth(frame, first, origin)[..., None], frame)
    return found


def _worth(frame: NDArray[np.float32], first: NDArray[np.float32], origin: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 where a motion explains the frame, `h w`; smooth towards 0."""
    still, moved = _error(frame, first), _error(frame, warped(first, origin))
    share = (still - moved - NOISE) / (still + NOISE)
    return softened(np.clip(share / WORTH, 0, 1).astype(np.float32), NEIGHBOURHOOD / 2)


def _spread(origin: NDArray[np.float32], frame: NDArray[np.float32]) -> NDArray[np.float32]:
    """The motion with plain surfaces filled from around them, each neighbour heard as far as it shows structure."""
    structure = _error(frame, softened(frame, NEIGHBOURHOOD))
    certain = (structure / (structure + PLAIN))[..., None]
    heard = softened(np.concatenate([origin * certain, certain], axis=-1), REACH)
    around = heard[..., :2] / (heard[..., 2:] + 1e-3)
    return certain * origin + (1 - certain) * around


def _error(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean square of a difference `h w 3` around each pixel, `h w`."""
    return np.maximum(softened(np.square(one - other).mean(axis=-1), NEIGHBOURHOOD), 0)
