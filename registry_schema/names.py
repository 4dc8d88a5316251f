"""Names of adapters, bases and registries: one normal form, one pattern each."""

from __future__ import annotations

import re
from typing import Self

from registry_schema.text import PatternText

HOME_NAMESPACE = "miva"
_WORD = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"
_LONGEST_WORD = 64
# Names become file names; these open devices instead of files on Windows.
DEVICE_NAMES = frozenset(
    {"con", "prn", "aux", "nul", *(f"com{n}" for n in range(1, 10)), *(f"lpt{n}" for n in range(1, 10))}
)


def _word_complaint(words: list[str]) -> str | None:
    for word in words:
        if len(word) > _LONGEST_WORD:
            return f"has a part of {len(word)} characters, expected at most {_LONGEST_WORD}"
        if word in DEVICE_NAMES:
            return f"holds the device name `{word}`, expected another word"
    return None


class AdapterName(PatternText):
    """`namespace/name`; written bare, a name is in the namespace `miva`. Documents hold the long form only."""

    __slots__ = ()
    what = "adapter name"
    pattern = rf"^(?=[^/]{{1,{_LONGEST_WORD}}}/[^/]{{1,{_LONGEST_WORD}}}$){_WORD}/{_WORD}$"
    longest = 2 * _LONGEST_WORD + 1

    def __new__(cls, text: str) -> Self:
        """A bare `text` gets the namespace `miva`; raises `UsageProblem`."""
        return super().__new__(cls, text if "/" in text else f"{HOME_NAMESPACE}/{text}")

    @classmethod
    def complaint(cls, text: str) -> str | None:
        """See `TextValue`."""
        if re.fullmatch(_WORD, text):
            return f"has no namespace, expected `namespace/name`, for example `{HOME_NAMESPACE}/{text[:_LONGEST_WORD]}`"
        if not re.fullmatch(rf"{_WORD}/{_WORD}", text):
            return "is not an adapter name, expected `namespace/name` in lower-case letters, digits and single hyphens"
        return _word_complaint(text.split("/"))

    @property
    def namespace(self) -> str:
        """What stands before the slash."""
        return self.partition("/")[0]

    @property
    def name(self) -> str:
        """What stands after the slash."""
        return self.partition("/")[2]


class Namespace(PatternText):
    """What stands before the slash of an adapter's name, `acme`."""

    __slots__ = ()
    what = "namespace"
    pattern = rf"^{_WORD}$"
    longest = _LONGEST_WORD

    @classmethod
    def complaint(cls, text: str) -> str | None:
        """See `TextValue`."""
        if not re.fullmatch(_WORD, text):
            return "is not a namespace, expected lower-case letters, digits and single hyphens"
        return _word_complaint([text])


class BaseName(PatternText):
    """A base model's name, `nano` or `wan2.1-t2v-1.3b`."""

    __slots__ = ()
    what = "base name"
    pattern = r"^[a-z][a-z0-9]*([.-][a-z0-9]+)*$"
    longest = _LONGEST_WORD

    @classmethod
    def complaint(cls, text: str) -> str | None:
        """See `TextValue`."""
        if not cls.matches(text):
            return "is not a base name, expected lower-case words joined by `.` or `-`"
        return _word_complaint([text])


class RegistryName(PatternText):
    """What a person calls a registry, `starter` or `studio`."""

    __slots__ = ()
    what = "registry name"
    pattern = rf"^{_WORD}$"
    longest = _LONGEST_WORD

    @classmethod
    def complaint(cls, text: str) -> str | None:
        """See `TextValue`."""
        if not re.fullmatch(_WORD, text):
            return "is not a registry name, expected lower-case letters, digits and single hyphens"
        return _word_complaint([text])
