"""A mask from a file a person has: black and white, a cut-out, or the photo with paint over its subject."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from PIL import Image

from engine.mask_requests import CUTOUT_SOURCE
from engine.masks.flaws import FLAW_HINTS, FLAW_WORDS, flaw_of
from engine.masks.found_mask import FoundMask
from engine.video.optical_flow import softened
from engine.video.photo import open_photo
from registry_schema.errors import UsageProblem

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from engine.video.photo import Photo

SOURCE: Final = "file"
GREY_LEVELS: Final = 12
"""Levels of 255 by which the channels of a grey picture may differ: JPEG does that."""
PAINT_LEVELS: Final = 40.0
"""Levels of 255 by which paint differs from the photo below it; what was saved as JPEG again differs by less."""
LEAST_KEPT: Final = 0.3
"""Share of the photo that paint leaves free, at least."""
SAME_ASPECT: Final = 0.02
GREY_WEIGHTS: Final = np.array([0.299, 0.587, 0.114], dtype=np.float32)


def read_mask(path: Path, photo: Photo, *, inverted: bool = False) -> FoundMask:
    """The mask in a file, at the size of the photo it is for.

    Transparency counts before colour: a cut-out's mask is its alpha. Grey is taken as it is, white moves. A colour
    picture is taken for the photo with paint over it, and what differs from the photo is the subject.

    Args:
        path: any file that `open_photo` reads.
        photo: what is to be animated.
        inverted: whether white and black change places.

    Raises:
        NotFound, IntegrityProblem, ResourceProblem: as `open_photo`.
        UsageProblem: no picture, no mask, or one that is black all over.
    """
    drawn = open_photo(path)
    mask, notes = _at_size(_levels(drawn, photo), photo, name=path.name)
    mask = 1 - mask if inverted else mask
    flaw = flaw_of(mask)
    if flaw == "empty":
        raise UsageProblem(f"mask `{path.name}` {FLAW_WORDS[flaw]}", hint=FLAW_HINTS[flaw])
    if flaw is not None:
        notes = (*notes, f"mask `{path.name}` {FLAW_WORDS[flaw]}; {FLAW_HINTS[flaw]}")
    return FoundMask(mask, 1.0, SOURCE, notes)


def photo_cutout(photo: Photo) -> FoundMask | None:
    """The mask that a photo brings itself: its transparency; None where it is opaque, or nothing is."""
    if photo.alpha is None:
        return None
    mask = torch.from_numpy(photo.alpha.astype(np.float32) / 255)
    return None if flaw_of(mask) else FoundMask(mask, 1.0, CUTOUT_SOURCE)


def _levels(drawn: Photo, photo: Photo) -> NDArray[np.float32]:
    """The mask `h w` in 0..1, at the size of its file."""
    if drawn.alpha is not None:
        return np.asarray(drawn.alpha, dtype=np.float32) / np.float32(255)
    pixels = drawn.pixels.astype(np.float32)
    spread = pixels.max(-1) - pixels.min(-1)
    if float(np.quantile(spread, 0.995)) <= GREY_LEVELS:
        return np.asarray(pixels @ GREY_WEIGHTS / 255, dtype=np.float32)
    return _paint(drawn, photo)


def _paint(drawn: Photo, photo: Photo) -> NDArray[np.float32]:
    below = np.array(Image.fromarray(photo.pixels).resize(drawn.size, Image.Resampling.LANCZOS), dtype=np.float32)
    difference = np.abs(drawn.pixels.astype(np.float32) - below).max(-1)
    # single pixels differ where edges were sampled in another way
    painted = softened((difference > PAINT_LEVELS).astype(np.float32), 1.0) > 0.5
    if float(painted.mean()) > 1 - LEAST_KEPT:
        raise UsageProblem(
            f"mask `{drawn.name}` is in colour and is not the photo `{photo.name}` with paint over it",
            hint="save it in black and white, white is what moves; or paint over a copy of the photo itself",
        )
    return painted.astype(np.float32)


def _at_size(mask: NDArray[np.float32], photo: Photo, *, name: str) -> tuple[torch.Tensor, tuple[str, ...]]:
    height, width = mask.shape
    if (width, height) == photo.size:
        return torch.from_numpy(mask), ()
    sizes = f"mask `{name}` has {width}x{height} pixels, the photo {photo.size[0]}x{photo.size[1]}"
    distortion = (width / height) / (photo.size[0] / photo.size[1])
    squeezed = not 1 - SAME_ASPECT < distortion < 1 + SAME_ASPECT
    note = f"{sizes}: it was {'stretched to another shape' if squeezed else 'resized'}"
    resized = Image.fromarray(mask).resize(photo.size, Image.Resampling.BILINEAR)
    return torch.from_numpy(np.clip(np.array(resized, dtype=np.float32), 0, 1)), (note,)
