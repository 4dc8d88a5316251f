"""How often each method is preferred, and the strengths behind it, for many weightings of the same answers at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mivactl.study.tally import Tally

PSEUDO_CHOICES: Final = 0.5
"""What each method gets in advance, so that one that was never chosen has a score too."""
_TOLERANCE: Final = 1e-9
_MOST_ROUNDS: Final = 5000


@dataclass(frozen=True, eq=False)
class Choices:
    """Weighted counts of choices, for `draws` weightings.

    Attributes:
        wins: `draws sets methods` float64: how often a method was chosen out of a set of methods.
        sets: `sets methods` bool: the methods that were shown together.
    """

    wins: NDArray[np.float64]
    sets: NDArray[np.bool_]


def choices(tally: Tally, viewer_weights: NDArray[np.float64], case_weights: NDArray[np.float64]) -> Choices:
    """The counts when viewer v weighs `viewer_weights[draw, v]` and case c `case_weights[draw, c]`."""
    import numpy as np

    sets, set_of_case = np.unique(tally.shown, axis=0, return_inverse=True)
    set_of_case = set_of_case.reshape(-1)
    wins = np.zeros((len(viewer_weights), len(sets), len(tally.methods)))
    for method in range(len(tally.methods)):
        by_case = (viewer_weights @ (tally.chosen == method)) * case_weights
        for place in range(len(sets)):
            wins[:, place, method] = by_case[:, set_of_case == place].sum(axis=1)
    return Choices(wins, sets)


def shares(counted: Choices) -> NDArray[np.float64]:
    """`draws methods`: how often a method was chosen where it was shown and somebody could tell; nan if never.

    When all methods are shown together, as in "best of n", the shares of a draw add up to 1.
    """
    import numpy as np

    shown = counted.wins.sum(axis=2) @ counted.sets
    with np.errstate(invalid="ignore"):
        found: NDArray[np.float64] = counted.wins.sum(axis=1) / shown
    return found


def scores(counted: Choices, *, pseudo_choices: float = PSEUDO_CHOICES) -> NDArray[np.float64]:
    """`draws methods`: Bradley-Terry scores, natural logarithms of strengths, with mean 0.

    The strength w of a method is such that it is chosen out of a set S with probability w / sum of S's strengths: for
    two methods the model of Bradley and Terry, for more that of Luce. Found by Hunter's MM algorithm (Annals of
    Statistics 32, 2004, Eq. 3 and section 5), as the mode under a gamma prior (Caron and Doucet, JCGS 21, 2012).

    Args:
        pseudo_choices: a - 1 of the prior; 0 gives the most likely strengths, which do not exist for a method that
            was never or always chosen.
    """
    import numpy as np

    wanted = counted.wins.sum(axis=1) + pseudo_choices
    asked = counted.wins.sum(axis=2)
    strengths: NDArray[np.float64] = np.ones_like(wanted)
    for _ in range(_MOST_ROUNDS):
        pull = pseudo_choices + (asked / (strengths @ counted.sets.T)) @ counted.sets
        with np.errstate(invalid="ignore", divide="ignore"):
            better = wanted / pull
        better *= len(wanted[0]) / better.sum(axis=1, keepdims=True)
        moved = np.abs(better - strengths).max()
        strengths = better
        if moved < _TOLERANCE:
            break
    with np.errstate(divide="ignore"):
        logs: NDArray[np.float64] = np.log(strengths)
    logs -= logs.mean(axis=1, keepdims=True)
    return logs
