"""Where a film is cut from one scene to another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# In 8-bit levels, mean over the picture: what a cut changes at least, and how many times what its neighbours change.
# In 150 clips of the scene generator, of all motions, no frame changed more than twice as much as its neighbours.
LEAST_CHANGE = 14.0
TIMES_NEIGHBOURS = 5.0
NEIGHBOURS = 4
# A flash or a dropped frame is over after so many frames, and the picture is what it was.
PASSING = 2
QUIET = 1.0


def cuts(frames: NDArray[np.uint8]) -> tuple[int, ...]:
    """The frames that begin another scene, in order; a dissolve is not found.

    A cut changes the picture far more than the frames around it do, and the picture does not come back.

    Args:
        frames: small ones, `f h w 3`.
    """
    if len(frames) < 2:
        return ()
    levels = frames.astype(np.float32)
    change = np.abs(np.diff(levels, axis=0)).mean(axis=(1, 2, 3))
    return tuple(place + 1 for place in range(len(change)) if _is_cut(levels, change, place))


def _is_cut(levels: NDArray[np.float32], change: NDArray[np.float32], place: int) -> bool:
    """Whether the step from frame `place` to the next one is a cut."""
    if change[place] < LEAST_CHANGE:
        return False
    near = np.concatenate([change[max(0, place - NEIGHBOURS) : place], change[place + 1 : place + 1 + NEIGHBOURS]])
    usual = float(np.median(near)) if len(near) else 0.0
    if change[place] < TIMES_NEIGHBOURS * max(usual, QUIET):
        return False
    after = levels[place + 1 : place + 2 + PASSING]
    before = levels[max(0, place - PASSING) : place + 1]
    away = np.abs(after - levels[place]).mean(axis=(1, 2, 3)).min()
    back = np.abs(before - levels[place + 1]).mean(axis=(1, 2, 3)).min()
    return bool(min(away, back) >= LEAST_CHANGE)
