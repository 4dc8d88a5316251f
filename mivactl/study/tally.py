"""Answers as one table of viewers and cases; who fails the checks of attention is set aside."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from mivactl.study.answer_book import require_known

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mivactl.study.documents import StudyAnswers, StudyKey, ViewerAnswers

MISSING, UNSURE = -2, -1
"""In the place of a method: no answer, and "cannot tell"."""
CHECKS_PASSED: Final = Fraction(2, 3)
"""The share of the checks a viewer met that must be passed."""


@dataclass(frozen=True, eq=False)
class Tally:
    """What was answered.

    Attributes:
        methods: names, in the order of their numbers.
        chosen: `viewers cases` int8: the number of the method, or `UNSURE`, or `MISSING`.
        shown: `cases methods` bool: whose clips a case shows.
        motions: of each case; None where it is not known.
        cases: their names.
        places: `places` int: how often the clip at each place was chosen.
        seconds: of each answer that counts, in no order.
        inattentive_count: viewers set aside.
    """

    methods: tuple[str, ...]
    chosen: NDArray[np.int8]
    shown: NDArray[np.bool_]
    motions: tuple[str | None, ...]
    cases: tuple[str, ...]
    places: NDArray[np.int64]
    seconds: NDArray[np.float64]
    inattentive_count: int


def tally(study: StudyKey, answers: StudyAnswers) -> Tally:
    """The table of all answers that count; viewers without one are no rows.

    Raises:
        NotFound: an answer is to a question, or names a clip, that the study does not have.
    """
    import numpy as np

    for entry in answers.viewers:
        for answer in entry.answers:
            require_known(study, entry.form, answer)
    attentive = [entry for entry in answers.viewers if is_attentive(study, entry)]
    methods = study.methods
    number = {option.token: methods.index(option.method) for case in study.cases for option in case.options}
    column = {case.token: place for place, case in enumerate(study.cases)}
    chosen = np.full((len(attentive), len(study.cases)), MISSING, dtype=np.int8)
    places = np.zeros(max(len(case.options) for case in study.cases), dtype=np.int64)
    seconds: list[float] = []
    for row, entry in enumerate(attentive):
        place_of = _places(study, entry.form)
        for answer in entry.answers:
            if answer.trial in column:
                chosen[row, column[answer.trial]] = UNSURE if answer.choice is None else number[answer.choice]
                seconds.append(answer.seconds)
                if answer.choice is not None:
                    places[place_of[answer.trial, answer.choice]] += 1
    shown = np.zeros((len(study.cases), len(methods)), dtype=np.bool_)
    for place, case in enumerate(study.cases):
        shown[place, [methods.index(option.method) for option in case.options]] = True
    return Tally(
        methods=methods,
        chosen=chosen[(chosen != MISSING).any(axis=1)],
        shown=shown,
        motions=tuple(case.motion for case in study.cases),
        cases=tuple(case.name for case in study.cases),
        places=places,
        seconds=np.array(seconds, dtype=np.float64),
        inattentive_count=len(answers.viewers) - len(attentive),
    )


def is_attentive(study: StudyKey, entry: ViewerAnswers) -> bool:
    """Whether a viewer passed two thirds of the checks met so far; true where there was none."""
    given = {answer.trial: answer.choice for answer in entry.answers}
    options = {case.token: case.options for case in study.cases}
    passed = [
        given[trial.name] == options[trial.case][trial.order[trial.ask - 1]].token
        for trial in study.forms[entry.form]
        if trial.ask is not None and trial.name in given
    ]
    return sum(passed) >= CHECKS_PASSED * len(passed)


def _places(study: StudyKey, form: int) -> dict[tuple[str, str], int]:
    """At which place, from 0, a form shows a clip in a question."""
    options = {case.token: case.options for case in study.cases}
    return {
        (trial.name, options[trial.case][option].token): place
        for trial in study.forms[form]
        for place, option in enumerate(trial.order)
    }
