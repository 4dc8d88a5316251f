"""Text from elsewhere, made harmless for a terminal."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_ESCAPE_SEQUENCE: Final = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)|\x1b[ -/]*[0-~]|\x9b[0-?]*[ -/]*[@-~]", re.DOTALL
)
_HIDDEN_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs"})


def plain_text(text: str) -> str:
    """`text` without terminal sequences, control characters and marks that change the direction of writing.

    Line breaks and tabs become single blanks: a manifest can not draw lines of its own.
    """
    if text.isascii() and text.isprintable():
        return text
    without_sequences = _ESCAPE_SEQUENCE.sub("", text)
    characters = (" " if character in "\n\r\t" else character for character in without_sequences)
    return "".join(
        character
        for character in characters
        if character == " " or unicodedata.category(character) not in _HIDDEN_CATEGORIES
    )
