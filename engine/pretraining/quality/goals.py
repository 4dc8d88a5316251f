"""What the starters are to reach, and whether a number does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

NOTHING: Final = "-"
"""Where no number is."""


@dataclass(frozen=True)
class Goal:
    """A range of numbers, both ends included; None for no end."""

    low: float | None = None
    high: float | None = None

    def meets(self, value: float) -> bool:
        """Whether a number lies in the range; NaN lies in none."""
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    def verdict(self, value: float | None) -> str:
        """`met`, `not met`, or a dash where nothing was measured."""
        if value is None:
            return NOTHING
        return "met" if self.meets(value) else "not met"


ACCURACY_TOGETHER: Final = Goal(low=0.8)
"""Of all clips of the motions that are not `JOINTED`."""
ACCURACY_JOINTED: Final = Goal(low=0.6)
"""Of clips of each motion of `JOINTED`."""
ACCURACY_ABSENT: Final = Goal(low=0.6)
"""Of clips of each motion that the base never saw."""
ACCURACY_REAL: Final = Goal(low=0.95)
ACCURACY_STILL: Final = Goal(high=0.15)
ACCURACY_ALONE: Final = Goal(high=0.3)
STRENGTH: Final = Goal(0.5, 2.0)
BACKGROUND: Final = Goal(low=24.0)
"""PSNR in dB."""
KEPT: Final = Goal(low=0.5)
