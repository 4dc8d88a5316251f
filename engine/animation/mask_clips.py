"""The predicted masks of a run as clips beside its own: each by itself, and all side by side with the pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.animation.comparison import Cell, labelled_grid
from engine.sampling.mask_decoder import brightness
from engine.video.clip_writer import write_clip

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from engine.bases.base import Base
    from registry_schema.receipt import RunSettings


def decoded_masks(base: Base, latents: Tensor) -> NDArray[np.uint8]:
    """Masks `m f h w` at the base's size, of latents m c f h w, by the base's whole autoencoder."""
    grey = brightness(base.decode(latents)) * 255
    return np.rint(grey.cpu().numpy()).astype(np.uint8)


def write_mask_clips(
    output: Path, pictures: NDArray[np.uint8], masks: Mapping[str, NDArray[np.uint8]], settings: RunSettings
) -> tuple[Path, ...]:
    """Write `clip.mask-NAME.mp4` for each adapter and `clip.masks.mp4` with all side by side; they are replaced.

    Args:
        output: of the clip, beside which they go.
        pictures: the base's frames, f h w 3.
        masks: f h w by the adapter's label.
        settings: of the run.

    Raises:
        UsageProblem, ResourceProblem: the place can not be written.
    """
    written = []
    for label, frames in masks.items():
        place = output.with_name(f"{output.stem}.mask-{label.replace('/', '-')}.mp4")
        write_clip(_colours(frames), place, fps=settings.fps, loop=settings.loop)
        written.append(place)
    cells = [Cell(("clip",), pictures), *(Cell((f"mask of {label}",), _colours(one)) for label, one in masks.items())]
    beside = output.with_name(f"{output.stem}.masks.mp4")
    write_clip(labelled_grid(cells), beside, fps=settings.fps, loop=settings.loop)
    return (*written, beside)


def _colours(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return frames[..., None].repeat(3, -1)
