"""Random choices of a scene: one generator, drawn from in a fixed order."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jaxtyping import Float

T = TypeVar("T")


class Draws:
    """Random numbers as a pure function of `seed`."""

    def __init__(self, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)

    def uniform(self, low: float, high: float) -> float:
        """A number in [low, high)."""
        return low + (high - low) * float(torch.rand((), generator=self.generator))

    def chance(self, probability: float) -> bool:
        """True with that probability."""
        return self.uniform(0, 1) < probability

    def integer(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return int(torch.randint(low, high + 1, (), generator=self.generator))

    def choice(self, items: Sequence[T]) -> T:
        """One of the items, all equally likely."""
        return items[self.integer(0, len(items) - 1)]

    def weighted(self, shares: Mapping[T, float]) -> T:
        """One of the keys, each as likely as its share of the sum of values."""
        left = self.uniform(0, sum(shares.values()))
        for item, share in shares.items():
            left -= share
            if left < 0:
                return item
        return list(shares)[-1]

    def sign(self) -> float:
        """-1 or 1."""
        return 1.0 if self.chance(0.5) else -1.0

    def normal(self, *shape: int) -> Tensor:
        """Independent normal numbers of deviation 1."""
        return torch.randn(shape, generator=self.generator)

    def colour(self, low: float = 0.0, high: float = 1.0) -> Float[Tensor, "3"]:
        """A colour that leans to one brightness, as colours of pictures do; channels in [0, 1]."""
        brightness = self.uniform(low, high)
        return (brightness + 0.09 * self.normal(3)).clamp(0, 1)
