"""What the answers to a study come to, as numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mivactl.study.agreement import answer_counts, fleiss_kappa, kappa_interval
from mivactl.study.preference import choices, scores, shares
from mivactl.study.resampling import DRAWS, Drawn, Interval, Resamples, drawn, interval, resample
from mivactl.study.tally import MISSING, UNSURE, tally
from registry_schema.errors import NotFound

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mivactl.study.documents import Kind, StudyAnswers, StudyKey
    from mivactl.study.tally import Tally

_FEWEST_DRAWN: Final = 2
_FEW_VIEWERS: Final = 5


@dataclass(frozen=True)
class MethodRow:
    """One method.

    Attributes:
        chosen: how often it was preferred.
        shown: how often it could have been, by viewers who could tell.
        share: `chosen` of `shown`; None when it was never shown.
        score: Bradley-Terry, natural logarithm, 0 is the mean of all methods.
        ties_with_best: whether its score can not be told from the highest one, which ties with itself.
    """

    method: str
    chosen: int
    shown: int
    share: float | None
    share_interval: Interval | None
    score: float
    score_interval: Interval | None
    ties_with_best: bool


@dataclass(frozen=True)
class MotionColumn:
    """The cases of one motion: the share of each method, in the order of `StudyNumbers.methods`."""

    motion: str
    case_count: int
    answer_count: int
    shares: tuple[float | None, ...]
    unsure_share: float | None


@dataclass(frozen=True)
class PairRow:
    """Two methods that met in pairs: how often each was preferred, and how often nobody could tell."""

    first: str
    second: str
    first_chosen: int
    second_chosen: int
    unsure: int


@dataclass(frozen=True)
class StudyNumbers:
    """All that a study says.

    Attributes:
        methods: by score, the highest first.
        motions: columns as in the paper's Tab. S3.
        pairs: empty where all methods were shown together.
        place_shares: how often the clip at each place was chosen, the first place first.
        inattentive_count: viewers who failed the checks and are not counted.
        notes: what a reader should know, for a person.
    """

    kind: Kind
    viewer_count: int
    case_count: int
    answer_count: int
    inattentive_count: int
    methods: tuple[MethodRow, ...]
    motions: tuple[MotionColumn, ...]
    pairs: tuple[PairRow, ...]
    unsure_share: float | None
    kappa: float | None
    kappa_interval: Interval | None
    place_shares: tuple[float, ...]
    median_seconds: float
    draws: int
    notes: tuple[str, ...]


def study_numbers(study: StudyKey, answers: StudyAnswers, *, draws: int = DRAWS) -> StudyNumbers:
    """The numbers of a study.

    Args:
        draws: of viewers and cases, for the intervals.

    Raises:
        NotFound: nobody has answered anything that counts, or an answer is to another study's question.
    """
    import numpy as np

    table = tally(study, answers)
    if len(table.chosen) == 0:
        failed = (
            f": {table.inattentive_count} viewers failed the checks of attention" if table.inattentive_count else ""
        )
        raise NotFound(f"no answers count{failed}", hint="let people take it: `mivactl study serve DIR`")
    viewer_count, case_count = table.chosen.shape
    resamples = None
    if min(viewer_count, case_count) >= _FEWEST_DRAWN:
        resamples = resample(table, draws=draws, seed=study.seed)
    rows = method_rows(table, resamples)
    counts = answer_counts(table)
    places = table.places / max(1, table.places.sum())
    return StudyNumbers(
        kind=study.kind,
        viewer_count=viewer_count,
        case_count=case_count,
        answer_count=int((table.chosen != MISSING).sum()),
        inattentive_count=table.inattentive_count,
        methods=rows,
        motions=_motion_columns(table, [row.method for row in rows]),
        pairs=_pair_rows(table) if study.kind == "pairs" else (),
        unsure_share=_unsure_share(table.chosen),
        kappa=fleiss_kappa(counts),
        kappa_interval=None if resamples is None else kappa_interval(counts, resamples.case_weights),
        place_shares=tuple(float(share) for share in places),
        median_seconds=float(np.median(table.seconds)),
        draws=draws,
        notes=_notes(viewer_count, case_count),
    )


def method_rows(table: Tally, resamples: Resamples | None) -> tuple[MethodRow, ...]:
    """The methods by score.

    Args:
        resamples: for the intervals; None where there is nothing to draw from, and then there are none.
    """
    import numpy as np

    viewer_count, case_count = table.chosen.shape
    counted = choices(table, np.ones((1, viewer_count)), np.ones((1, case_count)))
    share, score = shares(counted)[0], scores(counted)[0]
    chosen, shown = counted.wins.sum(axis=1)[0], (counted.wins.sum(axis=2) @ counted.sets)[0]
    order = np.argsort(-score, kind="stable")
    share_spans, score_spans, ties = _spans(share, score, int(order[0]), resamples)
    return tuple(
        MethodRow(
            method=table.methods[place],
            chosen=int(chosen[place]),
            shown=int(shown[place]),
            share=float(share[place]) if shown[place] else None,
            share_interval=share_spans[place],
            score=float(score[place]),
            score_interval=score_spans[place],
            ties_with_best=ties[place],
        )
        for place in order
    )


def _spans(
    share: NDArray[np.float64], score: NDArray[np.float64], best: int, resamples: Resamples | None
) -> tuple[list[Interval | None], list[Interval | None], list[bool]]:
    """Of each method: the intervals of its share and of its score, and whether it ties with the best."""
    count = len(share)
    if resamples is None:
        return [None] * count, [None] * count, [True] * count
    drawn_shares, drawn_scores = drawn(resamples, shares), drawn(resamples, scores)
    share_spans = [interval(share[place], _of(drawn_shares, place), resamples) for place in range(count)]
    score_spans = [interval(score[place], _of(drawn_scores, place), resamples) for place in range(count)]
    behind = [
        interval(score[best] - score[place], _of(drawn_scores, best, less=place), resamples) for place in range(count)
    ]
    return share_spans, score_spans, [span is None or span.low <= 0 for span in behind]


def _of(found: Drawn, place: int, *, less: int | None = None) -> Drawn:
    """One method's number in all draws, or how far it is above another one's."""

    def column(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return values[:, place] if less is None else values[:, place] - values[:, less]

    return Drawn(column(found.both), column(found.viewers), column(found.cases), column(found.answers))


def _motion_columns(table: Tally, methods: list[str]) -> tuple[MotionColumn, ...]:
    motions = sorted({motion for motion in table.motions if motion is not None})
    return tuple(
        _motion_column(table, motion, [place for place, own in enumerate(table.motions) if own == motion], methods)
        for motion in motions
    )


def _motion_column(table: Tally, motion: str, cases: list[int], methods: list[str]) -> MotionColumn:
    chosen, shown = table.chosen[:, cases], table.shown[cases]
    decided = chosen >= 0
    found: list[float | None] = []
    for method in (table.methods.index(name) for name in methods):
        could = int((decided & shown[:, method]).sum())
        found.append(float((chosen == method).sum()) / could if could else None)
    return MotionColumn(motion, len(cases), int((chosen != MISSING).sum()), tuple(found), _unsure_share(chosen))


def _pair_rows(table: Tally) -> tuple[PairRow, ...]:
    import numpy as np

    rows = []
    for shown in np.unique(table.shown, axis=0)[::-1]:
        first, second = np.flatnonzero(shown)
        chosen = table.chosen[:, (table.shown == shown).all(axis=1)]
        counts = [int((chosen == value).sum()) for value in (first, second, UNSURE)]
        rows.append(PairRow(table.methods[first], table.methods[second], *counts))
    return tuple(rows)


def _unsure_share(chosen: NDArray[np.int8]) -> float | None:
    answered = int((chosen != MISSING).sum())
    return float((chosen == UNSURE).sum()) / answered if answered else None


def _notes(viewer_count: int, case_count: int) -> tuple[str, ...]:
    if min(viewer_count, case_count) < _FEWEST_DRAWN:
        return ("one viewer or one case says nothing about others: there are no intervals",)
    if viewer_count < _FEW_VIEWERS:
        return (f"{viewer_count} viewers are few: the intervals may be too narrow",)
    return ()
