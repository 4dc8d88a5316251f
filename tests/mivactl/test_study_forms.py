"""Forms of a study: every clip at every place, no question always late, the same again from the same seed."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from mivactl.study.documents import StudyKey
from mivactl.study.forms import FEWEST_FORMS, form_count, make_forms, williams_rows
from registry_schema.errors import SchemaError
from tests.mivactl.simulated_viewers import study_of


@pytest.mark.parametrize("count", range(2, 10))
def test_each_entry_stands_at_each_place_and_after_each_other_one_equally_often(count: int):
    rows = williams_rows(count)
    assert len(rows) == (count if count % 2 == 0 else 2 * count)
    for place in range(count):
        assert set(Counter(row[place] for row in rows).values()) == {len(rows) // count}
    after = Counter((row[place], row[place + 1]) for row in rows for place in range(count - 1))
    assert len(after) == count * (count - 1)
    assert set(after.values()) == {len(rows) // count}


@pytest.mark.parametrize(("methods", "kind"), [(2, "best"), (3, "best"), (7, "best"), (9, "best"), (4, "pairs")])
def test_over_all_forms_each_method_is_shown_at_each_place_of_each_case_equally_often(methods: int, kind):
    study = study_of([f"method-{number}" for number in range(methods)], cases=5, kind=kind, checks=2)
    assert FEWEST_FORMS <= len(study.forms) == form_count([len(case.options) for case in study.cases])
    for case in study.cases:
        orders = [trial.order for form in study.forms for trial in form if trial.name == case.token]
        assert len(orders) == len(study.forms)
        places = Counter((place, option) for order in orders for place, option in enumerate(order))
        assert len(places) == len(case.options) ** 2
        assert set(places.values()) == {len(study.forms) // len(case.options)}


def test_over_each_two_forms_every_question_is_equally_late():
    study = study_of("ABC", cases=9)
    for first, second in zip(study.forms[::2], study.forms[1::2], strict=True):
        assert [trial.name for trial in first] == [trial.name for trial in second][::-1]
    assert len({tuple(trial.name for trial in form) for form in study.forms}) > len(study.forms) / 2


def test_checks_ask_for_a_place_and_show_the_clips_of_the_question_before():
    study = study_of("ABC", cases=12, checks=3)
    for form in study.forms:
        assert [trial.name for trial in form if trial.ask is not None] == ["check-1", "check-2", "check-3"]
        for before, trial in pairwise(form):
            if trial.ask is not None:
                assert before.ask is None
                assert trial.case == before.case
    asked = Counter(trial.ask for form in study.forms for trial in form if trial.ask is not None)
    assert set(asked) == {1, 2, 3}


def test_the_same_seed_gives_the_same_forms_and_another_one_others():
    cases = study_of("ABCD", cases=6).cases
    assert make_forms(cases, check_count=2, seed=5) == make_forms(cases, check_count=2, seed=5)
    assert make_forms(cases, check_count=2, seed=5) != make_forms(cases, check_count=2, seed=6)


def test_a_key_is_written_and_read_back_the_same():
    study = study_of("ABC", cases=4, checks=2)
    assert StudyKey.parse(study.to_bytes()) == study


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda key: key["forms"][0][0].update(case="0" * 16), "`0000000000000000` is no case of this study"),
        (lambda key: key["forms"][0][0].update(order=[0, 0, 1]), "is not an order of the 3 options of its case"),
        (lambda key: key["forms"][0].append(key["forms"][0][0]), "forms[0] asks a question twice"),
        (lambda key: key["cases"].append(key["cases"][0]), "cases hold a token twice"),
        (lambda key: key["cases"][0]["options"][1].update(method="A"), "name a method twice"),
        (lambda key: key["forms"][0][0].update(ask=1), "does not fit the question's name"),
        (lambda key: key["cases"][0]["options"][0].update(token="../../etc/passwd"), "token"),
    ],
)
def test_a_key_that_does_not_hang_together_is_refused(change, message: str):
    plain = study_of("ABC", cases=2).plain()
    change(plain)
    with pytest.raises(SchemaError) as refused:
        StudyKey.from_plain(plain, source="study.json")
    assert message in refused.value.message
