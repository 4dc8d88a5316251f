"""Which cases a study asks about: those that every method has, spread evenly over the motions, by a seed."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mivactl.study.documents import FEWEST_OPTIONS, MOST_CASES, MOST_OPTIONS
from registry_schema.errors import NotFound, UsageProblem
from registry_schema.text import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mivactl.study.presets import Preset
    from mivactl.study.sources import SourceCase


@dataclass(frozen=True)
class Selected:
    """A case that will be asked about, and the methods whose clips it shows, by name."""

    case: SourceCase
    methods: tuple[str, ...]


@dataclass(frozen=True)
class Selection:
    """The cases of a study, and what a person should know about how they were picked."""

    cases: tuple[Selected, ...]
    notes: tuple[str, ...]


def select(cases: Sequence[SourceCase], preset: Preset, *, methods: Sequence[str], seed: int) -> Selection:
    """The cases that a study asks about.

    Args:
        methods: to be compared; empty for all there are.

    Raises:
        NotFound: no case has all the clips, or none is of the preset's kind.
        UsageProblem: too few or too many methods.
    """
    chosen = _methods(cases, methods, preset)
    fitting = [case for case in cases if _fits(case, preset)]
    if not fitting:
        raise NotFound(
            f"none of {len(cases)} cases is one of preset `{preset.name}`: {_wanted(preset)}",
            hint="leave out `--preset`, and say how many: `--cases 20`",
        )
    whole = [case for case in fitting if all(method in case.clips for method in chosen)]
    notes = _lacking(fitting, whole, chosen)
    if not whole:
        raise NotFound(
            f"no case has a clip of each of {', '.join(chosen)}", hint="name fewer methods: `--method A --method B`"
        )
    chance = random.Random(f"cases {seed}")  # noqa: S311 - which cases, no secrets
    count = min(preset.case_count or len(whole), MOST_CASES)
    picked = _spread(whole, count, chance)
    if preset.case_count and len(picked) < preset.case_count:
        notes.append(f"{len(picked)} cases, where {preset.case_count} were asked for: there are no more")
    return Selection(tuple(_with_methods(picked, chosen, preset, chance)), tuple(notes))


def _methods(cases: Sequence[SourceCase], wanted: Sequence[str], preset: Preset) -> tuple[str, ...]:
    known = sorted({method for case in cases for method in case.clips})
    unknown = next((method for method in wanted if method not in known), None)
    if unknown is not None:
        raise NotFound(f"no clip is of method `{shown(unknown)}`", hint=f"there are: {', '.join(map(shown, known))}")
    chosen = tuple(sorted(set(wanted))) or tuple(known)
    most = MOST_OPTIONS if preset.kind == "best" else len(chosen)
    if preset.method_count not in {None, len(chosen)} or not FEWEST_OPTIONS <= len(chosen) <= most:
        expected = preset.method_count or f"{FEWEST_OPTIONS} to {MOST_OPTIONS}"
        raise UsageProblem(
            f"{len(chosen)} methods ({', '.join(map(shown, chosen))}), expected {expected}",
            hint=f"pick them: `{' '.join(f'--method {shown(name)}' for name in chosen[:2])}`",
        )
    return chosen


def _fits(case: SourceCase, preset: Preset) -> bool:
    if preset.first_words and not any(_first_word(motion) in preset.first_words for motion in case.motions):
        return False
    if preset.motion_count is None:
        return True
    return len(case.motions) > 1 if preset.motion_count == "several" else len(case.motions) <= 1


def _first_word(motion: str) -> str:
    """Of an adapter's name without its namespace: `birds` of `studio/birds-flying`."""
    return motion.rpartition("/")[2].split("-")[0]


def _wanted(preset: Preset) -> str:
    what = {"one": "one motion", "several": "several motions", None: "any motions"}[preset.motion_count]
    return f"{what} out of {', '.join(preset.first_words)}" if preset.first_words else what


def _lacking(fitting: Sequence[SourceCase], whole: Sequence[SourceCase], methods: Sequence[str]) -> list[str]:
    """A note for each case that some method has no clip of."""
    kept = {case.name for case in whole}
    notes = []
    for case in fitting:
        if case.name not in kept:
            absent = [method for method in methods if method not in case.clips]
            notes.append(f"case `{shown(case.name)}` is left out: no clip of {', '.join(map(shown, absent))}")
    return notes


def _spread(cases: Sequence[SourceCase], count: int, chance: random.Random) -> list[SourceCase]:
    """`count` cases, of each motion as many as of the others while there are enough."""
    by_motion: dict[str, list[SourceCase]] = {}
    for case in cases:
        by_motion.setdefault(case.motion or "", []).append(case)
    groups = [chance.sample(group, len(group)) for _, group in sorted(by_motion.items())]
    chance.shuffle(groups)
    rounds = itertools.zip_longest(*groups)
    picked = [case for entry in rounds for case in entry if case is not None][:count]
    return sorted(picked, key=lambda case: (case.motion or "", case.name))


def _with_methods(
    cases: Sequence[SourceCase], methods: tuple[str, ...], preset: Preset, chance: random.Random
) -> list[Selected]:
    if preset.kind == "best":
        return [Selected(case, methods) for case in cases]
    pairs = list(itertools.combinations(methods, 2))
    chance.shuffle(pairs)
    turns = chance.sample(range(len(cases)), len(cases))
    return [Selected(case, pairs[turn % len(pairs)]) for case, turn in zip(cases, turns, strict=True)]


def with_count(preset: Preset, count: int | None) -> Preset:
    """The preset with another number of cases; None leaves it as it is."""
    return preset if count is None else replace(preset, case_count=count)
