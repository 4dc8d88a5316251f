from __future__ import annotations

import pytest

from mivactl.operations.weighing import weigh
from registry_schema.errors import UsageProblem
from registry_schema.ref import AdapterRef


def weights(*texts: str, blend: bool = False, alone: float = 1.0):
    return weigh([AdapterRef.parse(text) for text in texts], blend=blend, alone=alone)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("a",), (1.0,)),
        (("a", "b"), (0.5, 0.5)),
        (("a:0.75", "b"), (0.75, 0.25)),
        (("a:0.5", "b:0.5"), (0.5, 0.5)),
        (("a:-0.5", "b", "c"), (-0.5, 0.75, 0.75)),
    ],
)
def test_adapters_without_a_weight_share_what_is_left_of_1(texts: tuple[str, ...], expected: tuple[float, ...]):
    weighing = weights(*texts)
    assert weighing.weights == pytest.approx(expected)
    assert weighing.note == ""


def test_one_adapter_alone_has_its_bases_usual_weight_unless_it_is_given_one():
    assert weights("a", alone=0.5).weights == (0.5,)
    assert weights("a:1", alone=0.5).weights == (1.0,)
    assert weights("a", "b", alone=0.5).weights == (0.5, 0.5)


def test_an_unusual_sum_is_noted_and_blend_mends_it():
    strong = weights("a:1", "b:1")
    assert strong.weights == (1, 1)
    assert strong.note == "the weights sum to 2, motion may be unsteady; `--blend` scales them to a sum of 1"
    assert "motion may be weak" in weights("a:0.2", "b:0.2").note
    assert weights("a:1", "b:3", blend=True).weights == (0.25, 0.75)
    assert weights("a:0.3").note == ""


@pytest.mark.parametrize(
    ("texts", "blend", "words"),
    [
        ((), False, "no adapter is named"),
        (("a",) * 9, False, "9 adapters are named, expected at most 8"),
        (("a:0", "b:0"), False, "all weights are 0"),
        (("a:1", "b"), False, "`b` has no weight, and the others leave nothing of 1"),
        (("a:1", "b:-1"), True, "the weights sum to 0"),
    ],
)
def test_weights_that_will_not_do_are_refused(texts: tuple[str, ...], blend: bool, words: str):
    with pytest.raises(UsageProblem) as caught:
        weights(*texts, blend=blend)
    assert words in caught.value.message
    assert caught.value.hint
