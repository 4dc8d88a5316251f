"""Transparency: a picture put on one background colour, its alpha kept beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Colour: TypeAlias = tuple[int, int, int]

WHITE: Colour = (255, 255, 255)
OPAQUE = 255


def composite(
    pixels: NDArray[np.uint8],
    alpha: NDArray[np.uint8] | None,
    *,
    background: Colour | None,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """Pixels `h w 3` on `background`, and the alpha `h w`, or None where the picture is opaque all over."""
    if alpha is None or bool((alpha == OPAQUE).all()):
        return pixels, None
    colour = np.asarray(background or edge_colour(pixels, alpha), dtype=np.float32)
    share = alpha[..., None].astype(np.float32) / OPAQUE
    mixed = pixels * share + colour * (1 - share)
    return np.rint(mixed).astype(np.uint8), alpha


def edge_colour(pixels: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> Colour:
    """The median colour of the opaque pixels on the picture's border; of a cut-out that touches no border, white.

    A cut-out's own outline would be the wrong choice: the subject would melt into its background.
    """
    border = np.zeros(alpha.shape, dtype=bool)
    border[[0, -1], :] = True
    border[:, [0, -1]] = True
    opaque = pixels[border & (alpha == OPAQUE)]
    if opaque.size == 0:
        return WHITE
    red, green, blue = (int(value) for value in np.median(opaque, axis=0))
    return red, green, blue
