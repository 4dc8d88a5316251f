"""Names that are easily taken for each other: the same but for hyphens and digits, or one slip of a finger apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry_schema.names import HOME_NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from registry_schema.names import AdapterName

RESERVED_NAMESPACES = frozenset({HOME_NAMESPACE, "official"})
# Short words are one letter apart by chance: `rain`, `raid`, `ran`.
SHORTEST_FOR_SLIPS = 6
# Words that rhyme differ in the first letter, `walking` and `talking`; long ones hardly ever rhyme by chance.
SHORTEST_FOR_RHYMES = 9
# What is read as the same at a glance, or said the same: `w4terfall`, `c1ouds`, `bums` for `burns`.
_SAME_AT_A_GLANCE = str.maketrans("0134578i", "oleastbl")


@dataclass(frozen=True)
class Resemblance:
    """A known name, and how another one resembles it, to be read between the two."""

    known: AdapterName
    how: str


def skeleton(word: str) -> str:
    """What is left of a word at a glance; words with one skeleton look the same."""
    return word.lower().replace("-", "").replace("_", "").translate(_SAME_AT_A_GLANCE).replace("rn", "m")


def resemblance(name: AdapterName, known: Iterable[AdapterName], *, own: Collection[str]) -> Resemblance | None:
    """The first of `known` that `name` is easily taken for; None when there is none.

    The same word in two namespaces that do not resemble each other is no confusion: names are shown with both.

    Args:
        own: namespaces of the same owner as `name`; its own namespace is always one of them.
    """
    for other in known:
        if other.namespace == name.namespace or other.namespace in own:
            continue
        how = how_alike(name.namespace, other.namespace)
        if how is not None:
            return Resemblance(other, f"is in the namespace `{name.namespace}`, which {how}")
        how = how_alike(name.name, other.name)
        if how is not None:
            return Resemblance(other, how)
    return None


def how_alike(word: str, other: str) -> str | None:
    """How `word` resembles `other`, to be read between the two; None when it is the same word or another one."""
    if word == other:
        return None
    first, second = skeleton(word), skeleton(other)
    if first == second:
        return "looks the same at a glance as"
    shortest = SHORTEST_FOR_RHYMES if first[1:] == second[1:] else SHORTEST_FOR_SLIPS
    if min(len(first), len(second)) >= shortest and is_one_slip(first, second):
        return "is one letter away from"
    return None


def is_one_slip(word: str, other: str) -> bool:
    """Whether one letter added, left out, exchanged, or swapped with its neighbour makes `word` into `other`."""
    if len(word) > len(other):
        word, other = other, word
    start = next((place for place, pair in enumerate(zip(word, other, strict=False)) if pair[0] != pair[1]), len(word))
    rest, other_rest = word[start:], other[start:]
    if len(word) < len(other):
        return rest == other_rest[1:]
    swapped = rest[1::-1] + rest[2:] == other_rest
    return rest[1:] == other_rest[1:] or swapped
