"""In which steps of a run masks are predicted; free of torch."""

from __future__ import annotations

USUAL = 8
"""Evaluations of a run, at `round(k N / 10)`, k = 0 .. 7, of N steps.

Source: MIVA, supplement, "Accelerated inference": 8 of 50.
"""
SHARE = 0.8
"""Of a run that is over when masks are not predicted any more: the last steps change details only."""


def mask_steps(steps: int, evaluations: int = USUAL) -> tuple[int, ...]:
    """The steps, counted from 0, that predict masks: evenly over the first four fifths of a run.

    Where that has fewer steps than evaluations, they are spread over the whole run, at most one for each step.
    """
    count = min(evaluations, steps)
    reach = SHARE * steps if count <= SHARE * steps else steps
    return tuple(round(place * reach / count) for place in range(count))
