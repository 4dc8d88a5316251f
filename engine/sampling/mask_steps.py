"""In which steps of a run masks are predicted; free of torch."""

from __future__ import annotations

from engine.run_settings import USUAL_EVALUATIONS

SHARE = 0.8
"""Of a run that is over when masks are not predicted any more: the last steps change details only."""


def mask_steps(steps: int, evaluations: int = USUAL_EVALUATIONS) -> tuple[int, ...]:
    """The steps, counted from 0, that predict masks: evenly over the first four fifths of a run.

    The usual eight are at `round(k N / 10)`, k = 0 .. 7, of N steps.

    Where that has fewer steps than evaluations, they are spread over the whole run, at most one for each step.

    Source: MIVA, "Accelerated inference".
    """
    count = min(evaluations, steps)
    reach = SHARE * steps if count <= SHARE * steps else steps
    return tuple(round(place * reach / count) for place in range(count))
