"""Intervals by resampling viewers and cases at once: the result should hold for other people and other pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DRAWS: Final = 2000
COVERED: Final = 0.95


@dataclass(frozen=True)
class Interval:
    """From `low` to `high`."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


def weights(
    viewer_count: int, case_count: int, *, draws: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """`draws viewers` and `draws cases`: how often each is drawn; an answer weighs the product.

    Viewers and cases are drawn with replacement, each for themselves: the pigeonhole bootstrap (A. B. Owen, Annals of
    Applied Statistics 1, 2007). Its intervals are never too narrow for long, and too wide where viewers and cases
    hardly differ: then the chance in single answers counts about three times.
    """
    import numpy as np

    chance = np.random.default_rng(seed)
    return (
        chance.multinomial(viewer_count, np.full(viewer_count, 1 / viewer_count), size=draws).astype(np.float64),
        chance.multinomial(case_count, np.full(case_count, 1 / case_count), size=draws).astype(np.float64),
    )


def interval(drawn: NDArray[np.float64]) -> Interval | None:
    """The middle 95 % of one number over all draws; None when no draw has it."""
    import numpy as np

    known = drawn[np.isfinite(drawn)]
    if known.size == 0:
        return None
    low, high = np.quantile(known, [(1 - COVERED) / 2, (1 + COVERED) / 2])
    return Interval(float(low), float(high))
