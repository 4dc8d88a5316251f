"""Whether two clips are one: perceptual hashes of a few frames of each, which survive another codec or size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import imagehash
import numpy as np
from PIL import Image

from engine.video.small_frames import luma

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOMENTS = 5
THUMBNAIL = (32, 32)
# Of 64 bits, mean and worst of the moments; and levels between thumbnails, since two plain pictures have like hashes.
ALIKE_BITS, WORST_BITS = 6.0, 12
ALIKE_LEVELS = 8.0


@dataclass(frozen=True, eq=False)
class Likeness:
    """What a clip looks like, to be held against others: at `MOMENTS` moments from its first to its last frame.

    Attributes:
        bits: `m 64` bool, perceptual hashes.
        levels: `m h w` float32, the brightness of thumbnails.
    """

    bits: NDArray[np.bool_]
    levels: NDArray[np.float32]

    def is_like(self, other: Likeness) -> bool:
        """Whether both show the same film, or nearly."""
        apart = (self.bits != other.bits).sum(axis=1)
        if apart.mean() > ALIKE_BITS or apart.max() > WORST_BITS:
            return False
        return float(np.abs(self.levels - other.levels).mean()) <= ALIKE_LEVELS


def likeness(frames: NDArray[np.uint8]) -> Likeness:
    """The likeness of frames `f h w 3`.

    Source: the DCT hash of imagehash (`phash`), after Krawetz 2011, Looks Like It.
    """
    taken = frames[np.linspace(0, len(frames) - 1, MOMENTS).round().astype(int)]
    pictures = [Image.fromarray(frame) for frame in taken]
    bits = np.stack([imagehash.phash(picture).hash.ravel() for picture in pictures])
    small = np.stack([np.asarray(picture.resize(THUMBNAIL, Image.Resampling.BOX)) for picture in pictures])
    return Likeness(bits, luma(small))
