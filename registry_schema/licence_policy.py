"""Which licences a policy rules out: SPDX expressions held against a list of licences and patterns; pure."""

from __future__ import annotations

import re
from collections import deque
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from registry_schema.text import Licence, PatternText

if TYPE_CHECKING:
    from collections.abc import Sequence

_TOKEN = re.compile(r"[()]|[^\s()]+")


class LicencePattern(PatternText):
    """One SPDX licence in its usual spelling, or a pattern such as `CC-BY-NC-*`."""

    __slots__ = ()
    what = "licence"
    pattern = r"^[A-Za-z0-9*][A-Za-z0-9.+*-]*$"
    longest = 80

    @classmethod
    def complaint(cls, text: str) -> str | None:
        """See `TextValue`."""
        if not cls.matches(text):
            return "is not one licence, expected for example `GPL-3.0-only` or `CC-BY-NC-*`"
        return None if "*" in text else Licence.complaint(text)


def denied_part(licence: str, deny: Sequence[str]) -> str | None:
    """The part of an SPDX expression that a list rules out, or None.

    Args:
        licence: `A OR B` leaves the choice, so both have to be on the list; of `A AND B` one is enough. An exception
            behind `WITH` does not save a licence that is on the list.
        deny: licences and patterns.
    """
    return _either(deque(_TOKEN.findall(licence)), deny)


def _either(tokens: deque[str], deny: Sequence[str]) -> str | None:
    found = [_every(tokens, deny)]
    while tokens and tokens[0] == "OR":
        tokens.popleft()
        found.append(_every(tokens, deny))
    return None if None in found else found[0]


def _every(tokens: deque[str], deny: Sequence[str]) -> str | None:
    found = [_single(tokens, deny)]
    while tokens and tokens[0] == "AND":
        tokens.popleft()
        found.append(_single(tokens, deny))
    return next(filter(None, found), None)


def _single(tokens: deque[str], deny: Sequence[str]) -> str | None:
    name = tokens.popleft()
    if name == "(":
        found = _either(tokens, deny)
        tokens.popleft()
        return found
    if tokens and tokens[0] == "WITH":
        tokens.popleft()
        tokens.popleft()
    return name if any(fnmatchcase(name, pattern) for pattern in deny) else None
