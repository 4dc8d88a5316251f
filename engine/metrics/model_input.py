"""Frames as the published metrics hand them to their models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import torch
from torch.nn import functional as F

if TYPE_CHECKING:
    from jaxtyping import Float32, UInt8
    from numpy import ndarray
    from torch import Tensor

SIDE: Final = 224
IMAGENET: Final = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
CLIP: Final = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))


def pixels_of(frames: UInt8[ndarray, "f h w 3"]) -> Float32[Tensor, "f 3 h w"]:
    """Levels 0 to 255, channels first."""
    return torch.from_numpy(frames.copy()).permute(0, 3, 1, 2).float()


def short_side(pixels: Tensor, mode: Literal["bilinear", "bicubic"]) -> Tensor:
    """Pictures whose short side is 224, without smoothing beforehand, as VBench resizes tensors."""
    height, width = pixels.shape[-2:]
    scale = SIDE / min(height, width)
    size = (SIDE, int(width * scale)) if height <= width else (int(height * scale), SIDE)
    return F.interpolate(pixels, size, mode=mode, align_corners=False)


def centre(pixels: Tensor) -> Tensor:
    """The 224x224 pixels in the middle."""
    top, left = (round((side - SIDE) / 2) for side in pixels.shape[-2:])
    return pixels[..., top : top + SIDE, left : left + SIDE]


def normalised(pixels: Tensor, moments: tuple[tuple[float, ...], tuple[float, ...]]) -> Tensor:
    """Levels of 255 with a mean and deviation taken out, channel by channel."""
    mean, deviation = (torch.tensor(values, device=pixels.device).view(1, 3, 1, 1) for values in moments)
    return (pixels / 255 - mean) / deviation
