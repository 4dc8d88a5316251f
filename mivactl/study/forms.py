"""Forms: orders of questions and of the clips in each, which balance each other over the viewers who take them.

In each case every method is shown at every place equally often, and after every other one equally often: the rows of
a Williams square. Half of the forms ask the questions in the other half's order backwards, so that no question is
always late.

Source: E. J. Williams, "Experimental designs balanced for the estimation of residual effects of treatments",
Australian Journal of Scientific Research A 2 (1949).
"""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Final

from mivactl.study.documents import Trial

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mivactl.study.documents import Case

FEWEST_FORMS: Final = 20
"""At least as many as the viewers of the paper's study."""


def williams_rows(count: int) -> list[list[int]]:
    """Orders of `0 .. count-1` in which each stands at each place, and after each other one, equally often.

    There are `count` of them when it is even, twice as many when it is odd.
    """
    first = [0]
    low, high = 1, count - 1
    while low <= high:
        first.append(low)
        if low < high:
            first.append(high)
        low, high = low + 1, high - 1
    rows = [[(entry + shift) % count for entry in first] for shift in range(count)]
    return rows if count % 2 == 0 else rows + [row[::-1] for row in rows]


def form_count(option_counts: Sequence[int]) -> int:
    """How many forms balance cases with these numbers of options: a multiple of all their rows, at least 20."""
    period = math.lcm(2, *(len(williams_rows(count)) for count in set(option_counts)))
    return period * -(-FEWEST_FORMS // period)


def make_forms(cases: Sequence[Case], *, check_count: int, seed: int) -> tuple[tuple[Trial, ...], ...]:
    """The forms of a study; the same for the same cases and seed.

    Args:
        check_count: checks of attention in each form. Each shows the clips of the question before it once more.
    """
    chance = random.Random(f"forms {seed}")  # noqa: S311 - orders, no secrets
    names = [chance.sample(range(len(case.options)), len(case.options)) for case in cases]
    forms = []
    questions = list(range(len(cases)))
    for number in range(form_count([len(case.options) for case in cases])):
        if number % 2 == 0:
            chance.shuffle(questions)
        asked = questions if number % 2 == 0 else questions[::-1]
        trials = [_question(cases[place], names[place], turn=number + place) for place in asked]
        forms.append(_with_checks(trials, check_count, chance))
    return tuple(forms)


def _question(case: Case, names: list[int], *, turn: int) -> Trial:
    rows = williams_rows(len(names))
    order = tuple(names[entry] for entry in rows[turn % len(rows)])
    return Trial(name=case.token, case=case.token, order=order)


def _with_checks(trials: list[Trial], count: int, chance: random.Random) -> tuple[Trial, ...]:
    """The questions with checks spread among them, the first after at least one question."""
    after = {max(0, (place + 1) * len(trials) // (count + 1) - 1): place + 1 for place in range(count)}
    form: list[Trial] = []
    for place, trial in enumerate(trials):
        form.append(trial)
        if place in after:
            order = tuple(chance.sample(trial.order, len(trial.order)))
            ask = chance.randint(1, len(order))
            form.append(Trial(name=f"check-{after[place]}", case=trial.case, order=order, ask=ask))
    return tuple(form)
