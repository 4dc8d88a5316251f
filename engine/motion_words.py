"""Words in the name of a motion that say that it goes to one side: its mirror image is another motion."""

from __future__ import annotations

import re

# Up and down stay what they are in a mirror. "Roll" is one of a camera; "rolling waves" roll either way.
DIRECTIONS = re.compile(
    r"\b(?:(?:left|right)(?:wards?)?|(?:counter-?|anti-?)?clockwise|camera roll|pan(?:s|ning)?(?! (?:up|down)\b))\b",
    re.IGNORECASE,
)


def direction_in(motion: str) -> str | None:
    """The first word of a motion that has a side, as it is written; none where there is none."""
    found = DIRECTIONS.search(motion.replace("_", " "))
    return found.group() if found else None
