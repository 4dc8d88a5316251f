"""A corpus of 200 pairs, a name and what somebody might publish to be taken for it; and the real words of motions.

The squats are written by hand: a letter left out, doubled, swapped, exchanged or added, hyphens moved, digits for
letters, letters that look alike, other alphabets.
"""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    entries = [entry.split() for entry in text.replace("\n    ", " ").splitlines()]
    return tuple((name.rstrip(":"), squat) for name, *squats in entries for squat in squats)


PAIRS = _pairs((_FOLDER / "look_alike_pairs.txt").read_text(encoding="utf-8"))
MOTIONS = tuple((_FOLDER / "motion_words.txt").read_text(encoding="utf-8").split())
