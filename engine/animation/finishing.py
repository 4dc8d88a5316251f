"""The base's frames as the finished clip: at output size, with the photo's detail, looped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.video.detail_carry import enlarge_clip

if TYPE_CHECKING:
    from typing import Literal

    from numpy.typing import NDArray

    from engine.video.framing import Framing


def finished_clip(
    base_frames: NDArray[np.uint8],
    picture: NDArray[np.uint8],
    framing: Framing,
    *,
    loop: Literal["none", "pingpong"] = "none",
) -> NDArray[np.uint8]:
    """Frames `f h w 3` at output size; frame 0 is `picture` bit for bit.

    Args:
        base_frames: `f h w 3` at base size, as the base decoded them.
        picture: `h w 3`, the still photo at output size.
        framing: the plan that cut both.
        loop: `pingpong` runs back to the photo; its ends are not shown twice.
    """
    clip = enlarge_clip(base_frames, picture, framing)
    return np.concatenate([clip, clip[-2:0:-1]]) if loop == "pingpong" else clip
