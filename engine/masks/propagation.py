"""A mask for every frame of a clip: found in each frame where that works, carried over from its neighbours by flow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from engine.masks.cutting import cut_likely
from engine.masks.flaws import EMPTY_SHARE
from engine.video.optical_flow import flow, softened, warped

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jaxtyping import Float
    from numpy.typing import NDArray
    from torch import Tensor

    from engine.masks.found_mask import FoundMask

SOFTENED_SHARE: Final = 0.03
"""Of the long side: over so many pixels a carried mask is unsure of its outline, which is then cut anew."""


def follow(frames: NDArray[np.uint8], found: Sequence[FoundMask | None]) -> Float[Tensor, "f h w"]:
    """The masks of all frames, starting at the one that was found most surely and going both ways.

    Each frame's mask is the neighbour's, moved by optical flow, joined with what was found in the frame itself as far
    as that is sure; its outline is cut anew in the frame.

    Args:
        frames: `f h w 3`.
        found: for each frame what was found in it by itself, at the frame's size; at least one.
    """
    first = max(range(len(frames)), key=lambda place: _surety(found[place]))
    start = found[first]
    if start is None:
        msg = "no frame has a mask to start from"
        raise ValueError(msg)
    masks: list[NDArray[np.float32]] = [np.zeros(frames.shape[1:3], dtype=np.float32)] * len(frames)
    masks[first] = start.mask.numpy()
    for step, places in ((1, range(first + 1, len(frames))), (-1, range(first - 1, -1, -1))):
        _carry(frames, found, masks, places, step=step)
    return torch.from_numpy(np.stack(masks))


def _carry(
    frames: NDArray[np.uint8],
    found: Sequence[FoundMask | None],
    masks: list[NDArray[np.float32]],
    places: Iterable[int],
    *,
    step: int,
) -> None:
    for place in places:
        before = place - step
        carried = warped(masks[before], flow(frames[place], frames[before])).clip(0, 1)
        likely = softened(carried, SOFTENED_SHARE * max(carried.shape))
        own = found[place]
        if own is not None and own.is_confident:
            share = own.confidence
            likely = np.asarray((1 - share) * likely + share * own.mask.numpy(), dtype=np.float32)
        if float(likely.mean()) <= EMPTY_SHARE:
            masks[place] = likely
            continue
        # pixels on the outline show both sides: without a bound a cut takes them in, frame after frame
        bound = np.clip(likely / (float(likely.max()) / 2), 0, 1)
        masks[place] = np.minimum(cut_likely(frames[place], likely), bound).astype(np.float32)


def _surety(found: FoundMask | None) -> float:
    return -1.0 if found is None else found.confidence
