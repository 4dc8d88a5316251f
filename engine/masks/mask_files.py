"""Masks as files: a grey PNG for a photo, frames for a clip, and pictures that show what a mask covers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from engine.video.clip_writer import write_clip
from engine.video.whole_output import whole_file

if TYPE_CHECKING:
    from pathlib import Path

    from jaxtyping import Float
    from numpy.typing import NDArray
    from torch import Tensor

TINT: Final = np.array([255, 40, 120], dtype=np.float32)
TINTED: Final = 0.55
GAP_PIXELS: Final = 8


def write_mask(mask: Float[Tensor, "h w"], path: Path) -> None:
    """Write a mask in 0..1 as a grey picture; raises UsageProblem where that can not be."""
    with whole_file(path) as fresh:
        Image.fromarray(_grey(mask)).save(fresh, format="PNG")


def write_clip_mask(masks: Float[Tensor, "f h w"], path: Path, *, fps: float) -> None:
    """Write the masks of a clip, in 0..1, as a clip; `.apng` and folders keep every level."""
    write_clip(np.repeat(_grey(masks)[..., None], 3, axis=-1), path, fps=fps)


def write_preview(pixels: NDArray[np.uint8], mask: Float[Tensor, "h w"], path: Path) -> None:
    """Write a picture `h w 3` and, beside it, the same with what a mask covers tinted."""
    gap = np.full((pixels.shape[0], GAP_PIXELS, 3), 255, dtype=np.uint8)
    with whole_file(path) as fresh:
        Image.fromarray(np.concatenate([pixels, gap, tinted(pixels, mask)], axis=1)).save(fresh)


def write_clip_preview(frames: NDArray[np.uint8], masks: Float[Tensor, "f h w"], path: Path, *, fps: float) -> None:
    """Write frames `f h w 3` with what their masks cover tinted."""
    write_clip(np.stack([tinted(frame, mask) for frame, mask in zip(frames, masks, strict=True)]), path, fps=fps)


def tinted(pixels: NDArray[np.uint8], mask: Float[Tensor, "h w"]) -> NDArray[np.uint8]:
    """The picture `h w 3` with colour over what the mask covers, and the rest paler."""
    share = mask.numpy()[..., None]
    picture = pixels.astype(np.float32)
    covered = picture * (1 - TINTED) + TINT * TINTED
    return np.rint(covered * share + (picture * 0.5 + 60) * (1 - share)).astype(np.uint8)


def _grey(mask: Tensor) -> NDArray[np.uint8]:
    return np.rint(mask.clamp(0, 1).numpy() * 255).astype(np.uint8)
