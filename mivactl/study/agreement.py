"""How far viewers agree beyond chance: Fleiss' kappa."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mivactl.study.resampling import percentiles
from mivactl.study.tally import UNSURE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mivactl.study.resampling import Interval
    from mivactl.study.tally import Tally


def fleiss_kappa(counts: NDArray[np.float64]) -> float | None:
    """Kappa of `cases categories` counts; 1 is agreement in all, 0 what chance would give. None where it has no value.

    Cases may have different numbers of answers; those with fewer than two say nothing and are left out.

    Source: J. L. Fleiss, Psychological Bulletin 76 (1971), Eq. 1 to 7.
    """
    counts = counts[counts.sum(axis=1) >= 2]
    if len(counts) == 0:
        return None
    raters = counts.sum(axis=1)
    agreed = ((counts * (counts - 1)).sum(axis=1) / (raters * (raters - 1))).mean()
    by_chance = ((counts.sum(axis=0) / counts.sum()) ** 2).sum()
    return None if by_chance >= 1 else float((agreed - by_chance) / (1 - by_chance))


def answer_counts(tally: Tally) -> NDArray[np.float64]:
    """`cases categories`: how many viewers chose what.

    The categories are "cannot tell", and the options of a case in the order of the methods' numbers. Where a case shows
    only two of many methods, a category for each method would make agreement look unlikely by chance.
    """
    import numpy as np

    counts = np.zeros((len(tally.cases), int(tally.shown.sum(axis=1).max()) + 1))
    for case, shown in enumerate(tally.shown):
        for category, method in enumerate((UNSURE, *np.flatnonzero(shown))):
            counts[case, category] = (tally.chosen[:, case] == method).sum()
    return counts


def kappa_interval(counts: NDArray[np.float64], case_weights: NDArray[np.float64]) -> Interval | None:
    """What kappa could be with other cases and the same viewers.

    Viewers are not drawn again: one who is drawn twice agrees with himself.

    Args:
        counts: `cases categories`.
        case_weights: `draws cases`: how often each case is drawn.
    """
    import numpy as np

    drawn = [fleiss_kappa(np.repeat(counts, times, axis=0)) for times in case_weights.astype(int)]
    return percentiles(np.array([value for value in drawn if value is not None]))
