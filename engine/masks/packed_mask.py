"""Masks that wait for their photo's turn, in little memory."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import torch

from engine.masks.found_mask import FoundMask


@dataclass(frozen=True)
class PackedMask:
    """A mask in 256 levels, which is all that a run reads of it, deflated.

    A photo may have 100 million pixels, and a run any number of photos.

    Attributes:
        content: the levels, row by row.
        size: height and width.
        confidence: see `FoundMask`.
        source: the same.
        notes: the same.
    """

    content: bytes
    size: tuple[int, int]
    confidence: float
    source: str
    notes: tuple[str, ...] = ()

    def unpacked(self) -> FoundMask:
        """The mask, each value at the nearest of 256 levels."""
        levels = np.frombuffer(zlib.decompress(self.content), np.uint8).reshape(self.size)
        return FoundMask(torch.from_numpy(levels.astype(np.float32) / 255), self.confidence, self.source, self.notes)


def pack_mask(found: FoundMask) -> PackedMask:
    """A found mask, to be kept beside those of other photos."""
    levels = np.rint(found.mask.numpy() * 255).astype(np.uint8)
    height, width = levels.shape
    return PackedMask(zlib.compress(levels.tobytes()), (height, width), found.confidence, found.source, found.notes)
