"""What answers come to: hand-worked shares, scores and kappa, laws of the likelihood, intervals that hold the truth."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from mivactl.study.agreement import answer_counts, fleiss_kappa
from mivactl.study.documents import Answer, StudyAnswers, ViewerAnswers
from mivactl.study.merging import merged
from mivactl.study.numbers import method_rows, study_numbers
from mivactl.study.preference import Choices, choices, scores, shares
from mivactl.study.resampling import _student, resample
from mivactl.study.tally import MISSING, UNSURE, tally
from registry_schema.errors import NotFound, UsageProblem
from tests.mivactl.simulated_viewers import answers_of, study_of, token, true_shares

# Fleiss 1971, Table 1: 30 patients, 6 psychiatrists, 5 diagnoses; he gives kappa = 0.430.
FLEISS = """
0 0 0 6 0; 0 3 0 0 3; 0 1 4 0 1; 0 0 0 0 6; 0 3 0 3 0; 2 0 4 0 0; 0 0 4 0 2; 2 0 3 1 0; 2 0 0 4 0; 0 0 0 0 6;
1 0 0 5 0; 1 1 0 4 0; 0 3 3 0 0; 1 0 0 5 0; 0 2 0 3 1; 0 0 5 0 1; 3 0 0 1 2; 5 1 0 0 0; 0 2 0 4 0; 1 0 2 0 3;
0 0 0 0 6; 0 1 0 5 0; 0 2 0 1 3; 2 0 0 4 0; 1 0 0 4 1; 0 5 0 1 0; 4 0 0 0 2; 0 2 0 4 0; 1 0 5 0 0; 0 0 0 0 6
"""


def counts(text: str) -> np.ndarray:
    return np.array([[float(number) for number in row.split()] for row in text.strip().split(";")])


def given(study, rows: list[str]) -> StudyAnswers:
    """Answers by letters: a method's name, `?` for "cannot tell", a dot for none; one row for each viewer."""
    viewers = []
    for number, row in enumerate(rows):
        answers = []
        for case, letter in zip(study.cases, row, strict=True):
            chosen = next((option.token for option in case.options if option.method == letter), None)
            if letter != ".":
                answers.append(Answer(trial=case.token, choice=chosen, seconds=1.0))
        viewers.append(ViewerAnswers(viewer=f"{number:032x}", form=0, answers=tuple(answers)))
    return StudyAnswers(study=study.id, viewers=tuple(viewers))


def test_shares_are_of_those_who_could_tell_and_add_up_to_one():
    study = study_of("ABC", cases=4)
    numbers = study_numbers(study, given(study, ["AAB?", "ACBA", "A.?A"]), draws=50)
    rows = {row.method: row for row in numbers.methods}
    assert [(rows[name].chosen, rows[name].shown) for name in "ABC"] == [(6, 9), (2, 9), (1, 9)]
    assert sum(row.share for row in numbers.methods) == pytest.approx(1)
    assert numbers.answer_count == 11
    assert numbers.unsure_share == pytest.approx(2 / 11)
    assert [row.method for row in numbers.methods] == ["A", "B", "C"]
    by_motion = {column.motion: column for column in numbers.motions}
    assert by_motion["birds"].shares == (1.0, 0.0, 0.0)
    assert by_motion["rain"].shares == (0.0, 1.0, 0.0)
    assert by_motion["rain"].unsure_share == pytest.approx(1 / 3)


def test_two_methods_score_the_logarithm_of_their_odds():
    wins = np.array([[[30.0, 10.0]]])
    found = scores(Choices(wins, np.array([[True, True]])), pseudo_choices=0)[0]
    assert found == pytest.approx([np.log(3) / 2, -np.log(3) / 2], abs=1e-6)


def test_best_of_n_scores_are_the_logarithms_of_shares():
    wins = np.array([[[50.0, 30.0, 20.0]]])
    found = scores(Choices(wins, np.ones((1, 3), dtype=bool)), pseudo_choices=0)[0]
    expected = np.log([0.5, 0.3, 0.2])
    assert found == pytest.approx(expected - expected.mean(), abs=1e-6)


def test_pairs_that_agree_with_each_other_score_as_each_of_them():
    """A beats B 2 to 1, B beats C 2 to 1, A beats C 4 to 1: strengths 4, 2, 1 explain it all."""
    sets = np.array([[True, True, False], [False, True, True], [True, False, True]])
    wins = np.array([[[20.0, 10.0, 0.0], [0.0, 20.0, 10.0], [40.0, 0.0, 10.0]]])
    found = scores(Choices(wins, sets), pseudo_choices=0)[0]
    assert found == pytest.approx(np.log([2.0, 1.0, 0.5]), abs=1e-6)


def test_at_the_scores_of_pairs_the_likelihood_is_flat():
    """Each method is expected to win as often as it did: the equation that the most likely strengths solve."""
    chance = np.random.default_rng(1)
    sets = np.array([[i in pair for i in range(5)] for pair in [(0, 1), (1, 2), (2, 3), (3, 4), (0, 4), (1, 3)]])
    wins = chance.integers(1, 30, (3, 6, 5)) * sets[None].astype(float)
    strengths = np.exp(scores(Choices(wins, sets), pseudo_choices=0))
    expected = strengths[:, None, :] * sets / (strengths @ sets.T)[:, :, None]
    asked = wins.sum(axis=2)[:, :, None]
    assert (expected * asked).sum(axis=1) == pytest.approx(wins.sum(axis=1), abs=1e-4)


def test_a_method_that_nobody_chose_has_a_finite_score_and_the_lowest():
    study = study_of("ABC", cases=4)
    numbers = study_numbers(study, given(study, ["AAAB"] * 6), draws=50)
    assert numbers.methods[-1].method == "C"
    assert np.isfinite(numbers.methods[-1].score)


def test_weights_of_one_count_each_answer_once_and_doubled_viewers_count_twice():
    study = study_of("ABC", cases=4)
    table = tally(study, given(study, ["AAB?", "BCBA", "A.?A"]))
    once = choices(table, np.ones((1, 3)), np.ones((1, 4)))
    assert once.wins.sum() == 9
    twice = choices(table, np.array([[2.0, 0.0, 1.0]]), np.ones((1, 4)))
    again = tally(study, given(study, ["AAB?", "AAB?", "A.?A"]))
    assert np.array_equal(twice.wins, choices(again, np.ones((1, 3)), np.ones((1, 4))).wins)
    assert np.isnan(shares(choices(table, np.zeros((1, 3)), np.ones((1, 4))))).all()


def test_kappa_is_what_fleiss_published():
    assert counts(FLEISS).sum() == 180
    assert fleiss_kappa(counts(FLEISS)) == pytest.approx(0.430, abs=5e-4)


def test_kappa_of_a_table_worked_by_hand():
    """Two cases, three viewers: P = (1 + 1/3) / 2 = 2/3, chance (5/6)^2 + (1/6)^2 = 13/18, kappa = -1/5."""
    assert fleiss_kappa(counts("3 0; 2 1")) == pytest.approx(-0.2)
    assert fleiss_kappa(counts("3 0; 0 3")) == pytest.approx(1)
    assert fleiss_kappa(counts("3 0; 3 0")) is None  # nobody could have disagreed
    assert fleiss_kappa(counts("1 0; 0 1")) is None  # nobody to agree with
    assert fleiss_kappa(counts("3 0; 2 1; 1 0")) == pytest.approx(-0.2)


def test_counts_for_kappa_keep_cannot_tell_apart():
    study = study_of("AB", cases=2)
    table = tally(study, given(study, ["A?", "AB", "B."]))
    assert answer_counts(table).tolist() == [[0, 2, 1], [1, 0, 1]]
    assert sorted(np.unique(table.chosen)) == [MISSING, UNSURE, 0, 1]


def test_who_fails_the_checks_is_not_counted_and_is_told_about():
    study = study_of("ABC", cases=15, checks=3)
    attentive = answers_of(study, [2, 0, 0], viewers=6, seed=1)
    blind = answers_of(study, [0, 0, 2], viewers=4, seed=2, attentive=False)
    together = merged([("a", attentive), ("b", blind)])
    numbers = study_numbers(study, together, draws=50)
    assert (numbers.viewer_count, numbers.inattentive_count) == (6, 4)
    assert numbers.methods == study_numbers(study, merged([("a", attentive)]), draws=50).methods
    with pytest.raises(NotFound, match="4 viewers failed the checks of attention"):
        study_numbers(study, blind)


def test_blind_choices_fall_evenly_on_methods_and_places():
    study = study_of("ABCD", cases=40)
    numbers = study_numbers(study, answers_of(study, [0] * 4, viewers=40, seed=3), draws=200)
    assert max(abs(share - 0.25) for share in numbers.place_shares) < 0.04
    assert abs(numbers.kappa) < 0.03
    assert all(row.ties_with_best for row in numbers.methods)
    assert all(0.25 in row.share_interval for row in numbers.methods)


def test_a_clear_winner_ties_with_itself_alone():
    study = study_of("ABC", cases=20, kind="pairs")
    numbers = study_numbers(study, answers_of(study, [2, 0, -2], viewers=20, seed=4), draws=200)
    assert [(row.method, row.ties_with_best) for row in numbers.methods] == [("A", True), ("B", False), ("C", False)]
    assert {(row.first, row.second) for row in numbers.pairs} == {("A", "B"), ("A", "C"), ("B", "C")}
    assert sum(row.first_chosen + row.second_chosen + row.unsure for row in numbers.pairs) == numbers.answer_count


def test_one_viewer_has_shares_but_no_intervals():
    study = study_of("AB", cases=5)
    numbers = study_numbers(study, given(study, ["AABAA"]), draws=50)
    assert numbers.methods[0].share == pytest.approx(0.8)
    assert {row.share_interval for row in numbers.methods} == {None}
    assert "no intervals" in numbers.notes[0]


def test_the_same_answers_give_the_same_numbers_in_any_order():
    study = study_of("ABC", cases=10)
    answers = answers_of(study, [1, 0, 0], viewers=8, seed=5)
    parts = [("x", answers.model_copy(update={"viewers": (viewer,)})) for viewer in answers.viewers]
    assert study_numbers(study, merged(parts), draws=100) == study_numbers(study, merged(parts[::-1]), draws=100)


def test_merging_takes_each_answer_once_and_names_what_contradicts():
    study = study_of("ABC", cases=6)
    answers = answers_of(study, [1, 0, 0], viewers=3, seed=6)
    assert merged([("x", answers), ("y", answers)]) == merged([("x", answers)])
    first = answers.viewers[0]
    other = replace_answer(first)
    with pytest.raises(UsageProblem, match=f"`y`: viewer `{first.viewer}` answered question"):
        merged([("x", answers), ("y", answers.model_copy(update={"viewers": (other,)}))])
    moved = first.model_copy(update={"form": 1})
    with pytest.raises(UsageProblem, match="took form 1, elsewhere form 0"):
        merged([("x", answers), ("y", answers.model_copy(update={"viewers": (moved,)}))])
    with pytest.raises(UsageProblem, match="has answers to study"):
        merged([("x", answers), ("y", answers.model_copy(update={"study": token()}))])


def replace_answer(entry: ViewerAnswers) -> ViewerAnswers:
    first, *rest = entry.answers
    changed = first.model_copy(update={"choice": None})
    return entry.model_copy(update={"answers": (changed, *rest)})


def test_an_answer_to_a_question_the_study_does_not_have_is_refused():
    study, other = study_of("ABC", cases=3), study_of("ABC", cases=3)
    foreign = answers_of(other, [0, 0, 0], viewers=1, seed=7).model_copy(update={"study": study.id})
    with pytest.raises(NotFound, match="has no question"):
        study_numbers(study, foreign)


def hits(*, runs: int, kind: str, spread: float, draws: int) -> np.ndarray:
    """In how many of `runs` simulated studies the true share and score of each method lie in their intervals.

    Strengths are known; viewers differ by `spread`, cases too. The paper's size: 20 viewers.
    """
    strengths = np.array([1.0, 0.4, 0.0, -0.6, -0.8])
    methods = "ABCDE"[: len(strengths)]
    spread_of_both = spread * np.sqrt(2)
    if kind == "best":
        share = true_shares(strengths, spread=spread_of_both)
        score = np.log(share) - np.log(share).mean()
        study = study_of(methods, cases=40)
    else:
        study = study_of(methods, cases=40, kind="pairs")
        share, score = None, strengths
    found = np.zeros((2, len(strengths)), dtype=int)
    for seed in range(runs):
        answers = answers_of(
            study, strengths, viewers=20, seed=seed, viewer_spread=spread, case_spread=spread, unsure=0.05
        )
        table = tally(study, answers)
        for row in method_rows(table, resample(table, draws=draws, seed=seed)):
            place = methods.index(row.method)
            found[0, place] += share is None or share[place] in row.share_interval
            found[1, place] += score[place] in row.score_interval
    return found


def test_intervals_of_single_chance_are_as_wide_as_textbooks_say():
    """Where viewers and cases do not differ, a share p of N answers has the standard error sqrt(p (1 - p) / N)."""
    study = study_of("AB", cases=40)
    widths = []
    for seed in range(8):
        numbers = study_numbers(study, answers_of(study, [0.4, 0.0], viewers=30, seed=seed), draws=400)
        row = numbers.methods[0]
        widths.append((row.share_interval.high - row.share_interval.low) / 2)
        expected = 1.96 * np.sqrt(row.share * (1 - row.share) / numbers.answer_count)
    assert expected < np.median(widths) < 1.35 * expected


def test_intervals_grow_where_viewers_differ():
    study = study_of("AB", cases=40)

    def width(spread: float) -> float:
        answers = answers_of(study, [0.4, 0.0], viewers=20, seed=1, viewer_spread=spread)
        interval = study_numbers(study, answers, draws=400).methods[0].share_interval
        return interval.high - interval.low

    assert width(2.0) > 2 * width(0.0)


def test_quantiles_of_student_are_those_of_tables():
    for degrees, printed in ((9, 2.262), (19, 2.093), (39, 2.023), (120, 1.980), (None, 1.960)):
        assert _student(degrees) == pytest.approx(printed, abs=1.5e-3)


@pytest.mark.parametrize("spread", [0.0, 0.6])
def test_known_strengths_lie_in_their_intervals(spread: float):
    found = hits(runs=20, kind="best", spread=spread, draws=300)
    assert found.min() >= 17, found


@pytest.mark.acceptance
@pytest.mark.parametrize(("kind", "spread"), [("best", 0.0), ("best", 0.6), ("pairs", 0.0)])
def test_known_strengths_lie_in_their_intervals_in_360_of_400_runs(kind: str, spread: float):
    found = hits(runs=400, kind=kind, spread=spread, draws=1000)
    sys.stdout.write(f"\n{kind}, spread {spread}: shares held in {found[0]}, scores in {found[1]} of 400 runs\n")
    assert found.min() >= 360, found
