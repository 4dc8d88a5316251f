"""What the classifier sees of a clip: maps of its motion on a coarse grid, without its pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch
from torch.nn import functional as F

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from engine.pretraining.quality.clip_motion import ClipMotion

CELL: Final = 4
"""Pixels of a cell of the grid, each way."""
CHANNELS: Final = 5
"""Flow right and down, its size, change of brightness, and size of the change: means over a cell."""
_FLOW_SCALE: Final = 2.0
_CHANGE_SCALE: Final = 25.0
"""What is below the inverse of these is told in proportion, what is above by its logarithm."""


def features_of(motion: ClipMotion) -> Float[Tensor, "c m h w"]:
    """Maps of `CHANNELS` numbers at each moment; all of them zero where nothing changes."""
    flow = torch.from_numpy(motion.flow).permute(3, 0, 1, 2)
    change = torch.from_numpy(motion.change).permute(3, 0, 1, 2)
    maps = torch.cat(
        [
            flow * _FLOW_SCALE,
            flow.norm(dim=0, keepdim=True) * _FLOW_SCALE,
            change.mean(0, keepdim=True) * _CHANGE_SCALE,
            change.abs().mean(0, keepdim=True) * _CHANGE_SCALE,
        ]
    )
    return torch.asinh(F.avg_pool2d(maps, CELL))
