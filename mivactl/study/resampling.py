"""Intervals by resampling viewers and cases at once: the result should hold for other people and other pictures.

Viewers and cases are drawn with replacement, each for themselves, and an answer weighs the product: the pigeonhole
bootstrap (A. B. Owen, Annals of Applied Statistics 1, 2007). It counts the chance in single answers three times, so its
intervals are too wide where viewers and cases hardly differ. They are therefore drawn in to the variance for two kinds
of clusters: that over viewers, and that over cases, less that over answers, which is in both (A. C. Cameron,
J. B. Gelbach and D. L. Miller, Journal of Business & Economic Statistics 29, 2011, Eq. 2.7).
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

from mivactl.study.preference import Choices, choices

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from mivactl.study.tally import Tally

DRAWS: Final = 2000
COVERED: Final = 0.95


@dataclass(frozen=True)
class Interval:
    """From `low` to `high`."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True, eq=False)
class Resamples:
    """The answers drawn again in four ways, each many times.

    Attributes:
        both: viewers and cases.
        viewers: viewers alone.
        cases: cases alone.
        answers: single answers, whoever gave them.
        viewer_count: how many there are to draw from.
        case_count: likewise.
        case_weights: `draws cases`: how often each case is drawn.
    """

    both: Choices
    viewers: Choices
    cases: Choices
    answers: Choices
    viewer_count: int
    case_count: int
    case_weights: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Drawn:
    """One number in every draw of each of the four ways."""

    both: NDArray[np.float64]
    viewers: NDArray[np.float64]
    cases: NDArray[np.float64]
    answers: NDArray[np.float64]


def resample(table: Tally, *, draws: int, seed: int) -> Resamples:
    """Draw the answers again; the same for the same seed."""
    import numpy as np

    chance = np.random.default_rng(seed)
    viewer_count, case_count = table.chosen.shape
    viewers = chance.multinomial(viewer_count, np.full(viewer_count, 1 / viewer_count), size=draws).astype(np.float64)
    cases = chance.multinomial(case_count, np.full(case_count, 1 / case_count), size=draws).astype(np.float64)
    every_viewer, every_case = np.ones((draws, viewer_count)), np.ones((draws, case_count))
    counted = choices(table, every_viewer[:1], every_case[:1])
    total = counted.wins.sum()
    shares_of_all = counted.wins.reshape(-1) / max(1.0, total)
    answers = chance.multinomial(int(total), shares_of_all, size=draws).reshape(draws, *counted.wins.shape[1:])
    return Resamples(
        both=choices(table, viewers, cases),
        viewers=choices(table, viewers, every_case),
        cases=choices(table, every_viewer, cases),
        answers=Choices(answers.astype(np.float64), counted.sets),
        viewer_count=viewer_count,
        case_count=case_count,
        case_weights=cases,
    )


def drawn(resamples: Resamples, number: Callable[[Choices], NDArray[np.float64]]) -> Drawn:
    """A number, of counted choices, in all draws; last axes after the draws stay as they are."""
    return Drawn(number(resamples.both), number(resamples.viewers), number(resamples.cases), number(resamples.answers))


def interval(value: float, found: Drawn, resamples: Resamples) -> Interval | None:
    """Where a number may lie, 95 times in 100; None when no draw has it.

    Args:
        value: the number in the answers as they are.
        found: the number in every draw, `draws`.
    """
    import numpy as np

    known = found.both[np.isfinite(found.both)]
    if known.size == 0 or not np.isfinite(value):
        return None
    low, high = np.quantile(known, [(1 - COVERED) / 2, (1 + COVERED) / 2])
    drawn_in = _drawn_in(found, float(known.var()), resamples)
    return Interval(value + drawn_in * float(low - value), value + drawn_in * float(high - value))


def percentiles(values: NDArray[np.float64]) -> Interval | None:
    """The middle 95 % of some values; None when there are none."""
    import numpy as np

    if values.size == 0:
        return None
    low, high = np.quantile(values, [(1 - COVERED) / 2, (1 + COVERED) / 2])
    return Interval(float(low), float(high))


def _drawn_in(found: Drawn, both: float, resamples: Resamples) -> float:
    """The part of the pigeonhole bootstrap's width that the variance of two kinds of clusters leaves; at most 1."""
    import numpy as np

    viewers = float(np.nanvar(found.viewers)) * resamples.viewer_count / (resamples.viewer_count - 1)
    cases = float(np.nanvar(found.cases)) * resamples.case_count / (resamples.case_count - 1)
    clustered = max(viewers + cases - float(np.nanvar(found.answers)), viewers, cases)
    if both <= 0:
        return 1.0
    wider = _student(min(resamples.viewer_count, resamples.case_count) - 1) / _student(None)
    return float(min(1.0, wider * np.sqrt(clustered / both)))


def _student(degrees: int | None) -> float:
    """The quantile of Student's t that 2.5 % lie above; None for a normal distribution.

    Source: Abramowitz and Stegun, 26.7.5, to the third order.
    """
    z = NormalDist().inv_cdf((1 + COVERED) / 2)
    if degrees is None:
        return z
    first, second = (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / degrees + second / degrees**2 + third / degrees**3
