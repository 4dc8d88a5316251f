"""Which weights of a run are kept, and that the report can say why."""

from __future__ import annotations

import math

import pytest

from engine.training.evaluation import Evaluation, choose


def good(step: int, loss: float = 0.1, **more: float) -> Evaluation:
    return Evaluation(step, loss=loss, motion=more.get("motion", 1.0), drift=more.get("drift", 0.0), copied=0)


def chosen(*looks: Evaluation, keep_last: bool = False, available: tuple[int, ...] | None = None) -> int | None:
    there = [look.step for look in looks] if available is None else available
    found = choose(looks, keep_last=keep_last, available=there).chosen
    return None if found is None else found.step


def test_the_lowest_loss_wins_among_looks_without_objections():
    assert chosen(good(1, 0.3), good(2, 0.1), good(3, 0.2)) == 2


def test_of_equal_losses_the_later_one_is_kept():
    assert chosen(good(1), good(2)) == 2


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"motion": 0.2}, "previews move 0.20 times as much as the clips, wanted 0.5 to 2"),
        ({"motion": 3.0}, "previews move 3.00 times as much as the clips"),
        ({"drift": 9.0}, "previews drift 9.0 dB further from their picture than the clips, wanted at most 6"),
    ],
)
def test_a_low_loss_does_not_outweigh_what_previews_show(fault, words):
    looks = (good(1, 0.01, **fault), good(2, 0.2))
    choice = choose(looks, keep_last=False, available=(1, 2))
    assert choice.chosen == looks[1]
    ((rejected, why),) = choice.rejected
    assert rejected == looks[0]
    assert words in why


def test_copies_of_training_frames_speak_against_weights():
    copying = Evaluation(1, loss=0.01, motion=1.0, drift=0.0, copied=2)
    assert copying.objections == ("2 previews end in a frame of a training clip",)
    assert chosen(copying, good(2, 0.5)) == 2


def test_where_all_have_faults_the_fewest_count_and_it_is_said():
    looks = (good(1, 0.1, motion=0.1, drift=9.0), good(2, 0.3, motion=0.1))
    choice = choose(looks, keep_last=False, available=(1, 2))
    assert choice.chosen == looks[1]
    assert choice.reason.startswith("no look was free of objections, step 2 has the fewest")


def test_weights_that_are_gone_are_not_chosen():
    assert chosen(good(1, 0.01), good(2, 0.2), available=(2,)) == 2
    assert chosen(good(1), available=()) is None


def test_the_recipe_may_ask_for_the_last_weights():
    assert chosen(good(1), good(2, 0.5), keep_last=True) is None
    assert chosen() is None


def test_a_loss_that_is_no_number_loses():
    assert chosen(Evaluation(1, loss=math.nan), Evaluation(2, loss=0.9)) == 2


@pytest.mark.parametrize(
    "look", [Evaluation(7), good(8, motion=0.7, drift=-1.5), Evaluation(9, loss=0.5, motion=None, drift=2.0, copied=1)]
)
def test_a_look_survives_the_log(look):
    record = {key: value for key, value in look.record().items() if key != "look"}
    assert Evaluation.of(record) == look
