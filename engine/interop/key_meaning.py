"""What a tensor's name in the authors' checkpoints can mean, and the table that says which name means what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Sequence


@dataclass(frozen=True)
class Bound:
    """A trained tensor: the name it has in an adapter file."""

    name: str


@dataclass(frozen=True)
class Update:
    """A low-rank update of the cross-frame attention's query or output.

    Args:
        projection: `miva.<path>.cfa.q` or `miva.<path>.cfa.o`.
        after: whether it acts on what the projection made, (1 + s BA) W, instead of being added to it.
        onto: the base's tensor it is added to where the projection itself was not trained; None if it stands alone.
    """

    projection: str
    after: bool = False
    onto: str | None = None


@dataclass(frozen=True)
class Factor:
    """One side of an update: A comes first, B second."""

    update: Update
    side: Literal["A", "B"]


@dataclass(frozen=True)
class Copy:
    """A frozen copy of a tensor of the base; equality proves which base it was."""

    name: str


@dataclass(frozen=True)
class Leftover:
    """Of a layer that was built, never trained and never used; `silent` must then be zero throughout."""

    silent: bool


@dataclass(frozen=True)
class Idle:
    """Of a low-rank update where adapters have none; harmless if its second side, `silent`, is zero."""

    silent: bool


@dataclass(frozen=True)
class Unit:
    """A gain that the authors' loader left at one, where the base has its own; it must be one throughout."""


@dataclass(frozen=True)
class Foreign:
    """Something that is no part of an adapter this version runs, and why."""

    reason: str


Meaning = Bound | Factor | Copy | Leftover | Idle | Unit | Foreign
Rule = tuple["re.Pattern[str]", "Callable[[re.Match[str]], Meaning]"]


def meaning(key: str, rules: Sequence[Rule]) -> Meaning | None:
    """What the first fitting rule says; None for a name no rule knows."""
    for pattern, meant in rules:
        if match := pattern.fullmatch(key):
            return meant(match)
    return None
