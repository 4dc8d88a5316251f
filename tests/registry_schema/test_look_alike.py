"""Names that are taken for others: a corpus of squats is caught, and the real words of motions are let through."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from registry_schema.look_alike import how_alike, is_one_slip, resemblance
from registry_schema.names import AdapterName
from tests.registry_schema.look_alike_pairs import MOTIONS, PAIRS

# Measured on the corpus: 201 of 202 squats, 10 of 43 071 pairs of real words, 18 of 294 words.
LEAST_CAUGHT = 0.99
MOST_FALSE_PAIRS = 0.0003
MOST_FALSE_WORDS = 0.065
MOTION_NAMES = st.builds(
    lambda namespace, name: AdapterName(f"{namespace}/{name}"), st.sampled_from(MOTIONS), st.sampled_from(MOTIONS)
)


def caught(name: str, squat: str) -> bool:
    """The alphabet of names refuses the squat, or it is found to resemble the name."""
    return AdapterName.complaint(f"my/{squat}") is not None or how_alike(squat, name) is not None


def test_squats_are_caught():
    assert len(PAIRS) >= 200
    assert len(set(PAIRS)) == len(PAIRS)
    missed = [pair for pair in PAIRS if not caught(*pair)]
    assert len(missed) <= (1 - LEAST_CAUGHT) * len(PAIRS), missed


def test_real_words_are_seldom_taken_for_each_other():
    pairs = list(combinations(MOTIONS, 2))
    false = [pair for pair in pairs if how_alike(*pair) is not None]
    assert len(set(MOTIONS)) == len(MOTIONS) > 250
    assert len(false) <= MOST_FALSE_PAIRS * len(pairs), false
    # if every one of the words were taken by somebody else already: how many could not be published
    words = {word for pair in false for word in pair}
    assert len(words) <= MOST_FALSE_WORDS * len(MOTIONS), sorted(words)


@given(st.sampled_from(MOTIONS), st.sampled_from([squat for _, squat in PAIRS]))
def test_resemblance_is_mutual(word: str, other: str):
    assert how_alike(word, other) == how_alike(other, word)
    assert how_alike(word, word) is None


@given(st.text("abc", max_size=6), st.text("abc", max_size=6))
def test_one_slip_is_a_distance_of_one(word: str, other: str):
    """Against the slow definition: everything that one slip makes of `word`."""
    made = {word[:at] + letter + word[at:] for at in range(len(word) + 1) for letter in "abc"}
    made |= {word[:at] + word[at + 1 :] for at in range(len(word))}
    made |= {word[:at] + letter + word[at + 1 :] for at in range(len(word)) for letter in "abc"}
    made |= {word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(len(word) - 1)}
    if word != other:
        assert is_one_slip(word, other) == (other in made)


@given(MOTION_NAMES, MOTION_NAMES)
def test_the_owner_of_a_namespace_may_name_as_it_likes(name: AdapterName, other: AdapterName):
    assert resemblance(name, [other], own={other.namespace}) is None
    twin = AdapterName(f"{name.namespace}/{other.name}")
    assert resemblance(name, [twin], own=()) is None


def test_namespaces_are_held_against_each_other_too():
    known = [AdapterName("studio-acme/waterfall")]
    found = resemblance(AdapterName("studi0-acme/waterfall"), known, own=())
    assert found is not None
    assert found.how == "is in the namespace `studi0-acme`, which looks the same at a glance as"
    assert resemblance(AdapterName("somebody/waterfall"), known, own=()) is None
    assert resemblance(AdapterName("somebody/waterfal"), known, own=()) is not None


def test_short_words_and_rhymes_are_left_alone():
    assert how_alike("walking", "talking") is None
    assert how_alike("vaterfall", "waterfall") == "is one letter away from"
    assert how_alike("rain", "raid") is None
    assert how_alike("rain", "ra1n") == "looks the same at a glance as"
