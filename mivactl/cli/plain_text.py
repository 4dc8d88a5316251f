"""Text from elsewhere, made harmless for a terminal."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

# ECMA-48: a control sequence, a control string up to its terminator, any other escape; each in 7 and in 8 bits.
_ESCAPE_SEQUENCE: Final = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f]).*?(?:\x07|\x1b\\|\x9c|$)"
    r"|\x1b[ -/]*[0-~]",
    re.DOTALL,
)
_BREAKS: Final = frozenset("\n\r\t\v\f\x1c\x1d\x1e\x85\u2028\u2029")
# Control, format (bidi marks, zero width, tags), surrogates, and what has no agreed look: private use, not assigned.
_HIDDEN_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
# Letters and marks by name only: they take a place and show nothing.
_BLANK_LETTERS: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_MOST_MARKS: Final = 3


def plain_text(text: str) -> str:
    """`text` without terminal sequences, control characters, marks that turn or hide text, and towers of accents.

    Line breaks and tabs become single blanks: a manifest can not draw lines of its own.
    """
    if text.isascii() and text.isprintable():
        return text
    kept: list[str] = []
    marks = 0
    for character in _ESCAPE_SEQUENCE.sub("", text):
        shown = " " if character in _BREAKS else character
        category = unicodedata.category(shown)
        marks = marks + 1 if category in {"Mn", "Me"} else 0
        if category not in _HIDDEN_CATEGORIES and shown not in _BLANK_LETTERS and marks <= _MOST_MARKS:
            kept.append(shown)
    return "".join(kept)
