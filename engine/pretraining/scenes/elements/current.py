"""Streams that gather speed: falling water, rising smoke."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Current:
    """A stream whose speed at distance d from where it begins is `speed` (1 - exp(-d / `run_up`)).

    It stands still at its beginning, so nothing ever comes from before it.

    Args:
        speed: that it comes to, in picture heights per second.
        run_up: how soon, in picture heights.
    """

    speed: float
    run_up: float

    def carried(self, distance: Tensor, seconds: Tensor) -> Tensor:
        """Distance at which material now at `distance` lies `seconds` later, earlier where they are negative."""
        relative = (distance / self.run_up).clamp(min=1e-3)
        age = relative + torch.log(-torch.expm1(-relative))
        return self.run_up * F.softplus(age + seconds * self.speed / self.run_up)
