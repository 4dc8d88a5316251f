"""The border between pictures (uint8 arrays) and the engine (float32 tensors in [-1, 1])."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray

HALF_RANGE = 127.5


def to_tensor(frames: NDArray[np.uint8]) -> torch.Tensor:
    """Frames `f h w 3` uint8 as a float32 tensor `3 f h w` in [-1, 1]."""
    channels_first = np.ascontiguousarray(frames.transpose(3, 0, 1, 2))
    return torch.from_numpy(channels_first).to(torch.float32) / HALF_RANGE - 1


def to_frames(tensor: torch.Tensor) -> NDArray[np.uint8]:
    """A tensor `3 f h w` in [-1, 1] as frames `f h w 3` uint8, rounded to nearest; what lies outside is clipped.

    The inverse of `to_tensor` on every uint8 clip.
    """
    levels = ((tensor.detach().to("cpu", torch.float32) + 1) * HALF_RANGE).round().clamp(0, 255)
    return levels.to(torch.uint8).permute(1, 2, 3, 0).contiguous().numpy()
