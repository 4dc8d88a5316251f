"""A photo from any file a person may have: upright, sRGB, 8 bit, no alpha; or one clear error."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.video.alpha import composite
from engine.video.photo_file import decoded, opened, read_bytes
from engine.video.srgb import to_srgb

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from engine.video.alpha import Colour

MAX_PIXELS = 100_000_000


@dataclass(frozen=True, eq=False)
class Photo:
    """One upright sRGB picture and where it came from.

    Attributes:
        pixels: `h w 3` uint8 sRGB, composited on a background where the file was transparent.
        alpha: `h w` uint8, 255 is opaque; None when the file has no transparency. It serves as a subject mask.
        file_digest: `sha256:` and 64 hex digits over the bytes of the file.
        pixel_digest: the same over the size and `pixels`.
        name: the file name, without its folder.
        notes: what a person should know about how the file was read; whole sentences without a final full stop.
    """

    pixels: NDArray[np.uint8]
    alpha: NDArray[np.uint8] | None
    file_digest: str
    pixel_digest: str
    name: str
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        height, width, _ = self.pixels.shape
        return width, height


def open_photo(
    path: Path,
    *,
    background: Colour | None = None,
    max_pixels: int = MAX_PIXELS,
    shrink_to: int | None = None,
) -> Photo:
    """The photo at `path`: turned by its EXIF orientation, in sRGB, without transparency.

    Args:
        path: JPEG, PNG, WebP, AVIF, TIFF, GIF, BMP, JPEG 2000, PPM, or HEIC with the `heic` extra.
        background: colour behind transparent parts; by default the colour of the picture's opaque edge.
        max_pixels: larger pictures are refused before they are decoded.
        shrink_to: a long side in pixels that is enough; a huge JPEG is then decoded at 1/2, 1/4 or 1/8 of its
            size, never below `shrink_to`.

    Raises:
        NotFound: there is no such file.
        UsageProblem: a folder, or a file that is not a photo; the message says what it is.
        ResourceProblem: more than `max_pixels`.
        IntegrityProblem: the file is truncated or damaged.
    """
    content = read_bytes(path)
    with opened(content, path=path, max_pixels=max_pixels) as image:
        turned, turn_notes = decoded(image, path=path, shrink_to=shrink_to)
    colour = to_srgb(turned)
    pixels, alpha = composite(colour.pixels, colour.alpha, background=background)
    return Photo(
        pixels=pixels,
        alpha=alpha,
        file_digest=f"sha256:{hashlib.sha256(content).hexdigest()}",
        pixel_digest=pixel_digest(pixels),
        name=path.name,
        notes=(*turn_notes, *colour.notes),
    )


def pixel_digest(pixels: NDArray[np.uint8]) -> str:
    """`sha256:` and 64 hex digits over the shape and the values of uint8 pixels of any number of axes."""
    shape = " ".join(str(side) for side in pixels.shape)
    digest = hashlib.sha256(f"uint8 {shape}\n".encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return f"sha256:{digest.hexdigest()}"
