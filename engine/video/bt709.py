"""sRGB pixels as BT.709 limited-range YUV 4:2:0, the one colour coding every player shows alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# ITU-R BT.709-6, items 3.2, 3.3 and 3.4 (8 bits).
RED_SHARE, BLUE_SHARE = 0.2126, 0.0722
LUMA = np.array([RED_SHARE, 1 - RED_SHARE - BLUE_SHARE, BLUE_SHARE])
BLUE_DIFFERENCE = (np.array([0, 0, 1]) - LUMA) / (2 * (1 - BLUE_SHARE))
RED_DIFFERENCE = (np.array([1, 0, 0]) - LUMA) / (2 * (1 - RED_SHARE))
BLACK, LUMA_RANGE, GREY, CHROMA_RANGE = 16, 219, 128, 224
MATRIX = np.stack([LUMA * LUMA_RANGE, BLUE_DIFFERENCE * CHROMA_RANGE, RED_DIFFERENCE * CHROMA_RANGE]) / 255
OFFSET = np.array([BLACK, GREY, GREY])


def yuv420(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pixels `h w 3` with even sides as planes `h*3/2 w`: luma, then the two halved chroma planes, as PyAV takes them.

    Chroma sits where H.264 and VP9 expect it when nothing else is said: on the left pixel of a pair, between two rows.
    """
    height, width, _ = pixels.shape
    coded = pixels.reshape(-1, 3).astype(np.float32) @ MATRIX.T.astype(np.float32) + OFFSET.astype(np.float32)
    planes = coded.reshape(height, width, 3)
    flat = [planes[..., 0].ravel(), *(_halved(planes[..., channel]).ravel() for channel in (1, 2))]
    return np.rint(np.concatenate(flat)).astype(np.uint8).reshape(height * 3 // 2, width)


def evened(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The pixels `h w 3`, their last row and column doubled where a side is odd."""
    height, width, _ = pixels.shape
    if height % 2 == 0 and width % 2 == 0:
        return pixels
    return np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def _halved(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weights 1 2 1 across, centred on the left pixel of each pair; 1 1 down."""
    rows = (plane[0::2] + plane[1::2]) / 2
    before = np.concatenate([rows[:, :1], rows[:, 1:-1:2]], axis=1)
    return ((before + 2 * rows[:, 0::2] + rows[:, 1::2]) / 4).astype(np.float32)
