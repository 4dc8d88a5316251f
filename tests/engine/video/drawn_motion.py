"""Pictures full of texture, and clips of them under motions that are known exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

BASE = (128, 80)
MOTIONS = ("shift", "rotation", "zoom", "waves", "local")


def textured(width: int, height: int, *, seed: int = 0) -> NDArray[np.uint8]:
    """Smooth noise on scales from 2 to 150 pixels, partly coloured."""
    generator = np.random.default_rng(seed)
    picture = np.full((height, width, 3), 128, dtype=np.float32)
    for scale in (2, 5, 11, 25, 60, 150):
        coarse = generator.normal(size=(height // scale + 3, width // scale + 3, 3)).astype(np.float32)
        coarse = 0.6 * coarse.mean(axis=2, keepdims=True) + 0.4 * coarse
        picture += 16 * cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return picture.clip(0, 255).astype(np.uint8)


def sources(motion: str, progress: float, width: int, height: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The columns and rows of frame 0 from which each pixel comes; lengths in units of a base pixel."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    unit, middle, centre = width / BASE[0], width / 2, height / 2
    across, down = columns - middle, rows - centre
    if motion == "shift":
        return columns - 3 * unit * progress, rows - 1.5 * unit * progress
    if motion == "rotation":
        angle = progress * np.deg2rad(4)
        return middle + np.cos(angle) * across - np.sin(angle) * down, centre + np.sin(angle) * across + np.cos(
            angle
        ) * down
    if motion == "zoom":
        return middle + across / (1 + 0.08 * progress), centre + down / (1 + 0.08 * progress)
    if motion == "waves":
        reach = 0.8 * unit * progress
        wide, high = 2 * np.pi / (40 * unit), 2 * np.pi / (30 * unit)
        return columns + reach * np.sin(rows * high + 6 * progress), rows + 0.6 * reach * np.sin(
            columns * wide + 4 * progress
        )
    near = np.exp(-((across / (25 * unit)) ** 2) - (down / (18 * unit)) ** 2)
    return columns - 4 * unit * progress * near, rows - 2 * unit * progress * near


def moved(picture: NDArray[np.uint8], motion: str, *, frames: int = 8) -> NDArray[np.uint8]:
    """A clip `f h w 3` whose frame 0 is the picture."""
    height, width = picture.shape[:2]
    clip = [picture]
    for place in range(1, frames):
        columns, rows = sources(motion, place / (frames - 1), width, height)
        clip.append(
            cv2.remap(
                picture,
                columns.astype(np.float32),
                rows.astype(np.float32),
                cv2.INTER_LANCZOS4,
                borderMode=cv2.BORDER_REFLECT,
            )
        )
    return np.stack(clip)


def at_base(clip: NDArray[np.uint8], size: tuple[int, int] = BASE) -> NDArray[np.uint8]:
    return np.stack([lanczos(frame, size) for frame in clip])


def lanczos(frame: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.LANCZOS))


def with_grain(base_frames: NDArray[np.uint8], deviation: float, *, block: int = 1, seed: int = 0) -> NDArray[np.uint8]:
    """Noise of its own on every frame but the first, in blocks of pixels as latent noise decodes to."""
    count, height, width, _ = base_frames.shape
    noise = np.random.default_rng(seed).normal(scale=deviation, size=(count, height // block, width // block, 3))
    noise[0] = 0
    return np.rint(base_frames + noise.repeat(block, axis=1).repeat(block, axis=2)).clip(0, 255).astype(np.uint8)


def psnr(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Decibels over all pixels and channels; 99 for equal pictures."""
    error = np.square(one.astype(np.float64) - other).mean()
    return 99.0 if error == 0 else float(10 * np.log10(255**2 / error))
