"""Studies without clips, and viewers whose taste is known."""

from __future__ import annotations

import itertools
import secrets
from typing import TYPE_CHECKING

import numpy as np

from mivactl.study.documents import Answer, Case, Kind, Option, StudyAnswers, StudyKey, ViewerAnswers
from mivactl.study.forms import make_forms
from registry_schema.text import Timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MOTIONS = ("birds", "fireworks", "rain", "waterfall+clouds")


def study_of(methods: Sequence[str], *, cases: int, kind: Kind = "best", checks: int = 0, seed: int = 0) -> StudyKey:
    """A study of `cases` cases, in turn of four motions; pairs are dealt out in turn."""
    pairs = itertools.cycle(itertools.combinations(methods, 2))
    made = tuple(
        Case(
            token=token(),
            name=f"case-{number:02}",
            motion=MOTIONS[number % len(MOTIONS)],
            width=64,
            height=40,
            frames=4,
            options=tuple(
                Option(token=token(), method=method) for method in (methods if kind == "best" else next(pairs))
            ),
        )
        for number in range(cases)
    )
    return StudyKey(
        id=token(),
        title="A study",
        kind=kind,
        seed=seed,
        fps=10.0,
        made=Timestamp.now(),
        cases=made,
        forms=make_forms(made, check_count=checks, seed=seed),
    )


def token() -> str:
    return secrets.token_hex(8)


def answers_of(
    study: StudyKey,
    strengths: Sequence[float],
    *,
    viewers: int,
    seed: int,
    viewer_spread: float = 0.0,
    case_spread: float = 0.0,
    unsure: float = 0.0,
    attentive: bool = True,
) -> StudyAnswers:
    """What `viewers` people say who choose a clip in proportion to its strength.

    Args:
        strengths: natural logarithms, in the order of `study.methods`.
        viewer_spread: how far one viewer's taste for a method is from another's, in the same unit.
        case_spread: how far a method's success in one case is from that in another.
        unsure: how often somebody can not tell.
    """
    chance = np.random.default_rng(seed)
    methods, cases = study.methods, {case.token: case for case in study.cases}
    of_case = {case: chance.normal(0, case_spread, len(methods)) for case in cases}
    entries = []
    for number in range(viewers):
        form = number % len(study.forms)
        taste = np.asarray(strengths) + chance.normal(0, viewer_spread, len(methods))
        answers = []
        for trial in study.forms[form]:
            options = cases[trial.case].options
            if trial.ask is not None:
                place = (trial.ask - 1 + (0 if attentive else 1)) % len(trial.order)
                choice: str | None = options[trial.order[place]].token
            elif chance.random() < unsure:
                choice = None
            else:
                own = np.exp([(taste + of_case[trial.case])[methods.index(option.method)] for option in options])
                choice = options[chance.choice(len(options), p=own / own.sum())].token
            answers.append(Answer(trial=trial.name, choice=choice, seconds=float(np.round(chance.gamma(4, 2), 1))))
        viewer = chance.bytes(16).hex()
        entries.append(ViewerAnswers(viewer=viewer, form=form, answers=tuple(answers)))
    return StudyAnswers(study=study.id, viewers=tuple(entries))


def true_shares(strengths: Sequence[float], *, spread: float, samples: int = 400_000) -> NDArray[np.float64]:
    """How often each method is the best of all for a viewer and a case by chance.

    Args:
        spread: of viewers and cases together: the root of the sum of their squares.
    """
    chance = np.random.default_rng(0)
    own = np.exp(np.asarray(strengths) + chance.normal(0, spread, (samples, len(strengths))))
    return (own / own.sum(axis=1, keepdims=True)).mean(axis=0)
