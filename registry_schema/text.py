"""Small values that are one line of text in a document: the base class they share, and lines for people."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from registry_schema.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

# Control characters, line separators, and what turns or hides text: bidi marks, zero width, soft hyphens, fillers that
# are letters by name only, annotation marks, lone surrogates, tags.
_UNSEEN = (
    r"\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164"
    r"\ud800-\udfff\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff"
)
LINE_PATTERN = rf"^[^ {_UNSEEN}]([^{_UNSEEN}]*[^ {_UNSEEN}])?$"


class TextValue:
    """Mixin of values that a document holds as text and that obey one rule.

    A child states `what` it is, the `pattern` that JSON Schema sees, and `complaint`, the rule itself in words.
    """

    what: ClassVar[str]
    pattern: ClassVar[str]
    longest: ClassVar[int] = 200

    @classmethod
    def matches(cls, text: str) -> bool:
        """Whether `text` follows the pattern, however long it is."""
        return re.fullmatch(cls.pattern[1:-1], text) is not None

    @classmethod
    def complaint(cls, text: str) -> str | None:
        """What is wrong with `text` but for its length, to be read after the value; None when nothing is."""
        raise NotImplementedError

    @classmethod
    def problem(cls, text: str) -> str | None:
        """What is wrong with `text`; None when nothing is."""
        return cls.complaint(text) or _length_complaint(text, cls.longest)

    @classmethod
    def checked(cls, text: str) -> str:
        """`text` itself when the rule holds.

        Raises:
            UsageProblem: it does not; documents turn the same words into a `SchemaError`.
        """
        problem = cls.problem(text)
        if problem is not None:
            raise UsageProblem(f"{cls.what} `{shown(text)}` {problem}")
        return text

    @classmethod
    def read(cls, value: object) -> Self:
        """The value a document holds; raises what pydantic collects."""
        if isinstance(value, cls):
            return value
        return cls(checked_text(value, cls.problem))  # type: ignore[call-arg]

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(
            cls.read, serialization=core_schema.to_string_ser_schema(when_used="always")
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "pattern": cls.pattern, "maxLength": cls.longest}


class PatternText(TextValue, str):
    """A `str` that obeys one rule; equal to, and hashed as, its text."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """`text`, checked; raises `UsageProblem`."""
        return super().__new__(cls, cls.checked(text))

    @classmethod
    def read(cls, value: object) -> Self:
        """See `TextValue`; the rule is asked once."""
        return value if isinstance(value, cls) else str.__new__(cls, checked_text(value, cls.problem))


class Timestamp(PatternText):
    """A moment in UTC to the second, `2026-11-20T09:30:00Z`."""

    __slots__ = ()
    what = "time"
    pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"
    longest = 20

    @classmethod
    def complaint(cls, text: str) -> str | None:
        """See `TextValue`; the calendar is checked too."""
        if not cls.matches(text):
            return "is not a time in UTC, expected for example `2026-11-20T09:30:00Z`"
        try:
            datetime.datetime.fromisoformat(text)
        except ValueError:
            return "is not in the calendar, expected for example `2026-11-20T09:30:00Z`"
        return None

    @classmethod
    def now(cls) -> Timestamp:
        """The present moment."""
        return cls(datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))

    def later(self, *, days: int) -> Timestamp:
        """The moment `days` days after this one; the end of the calendar when it would be behind that."""
        moment = datetime.datetime.fromisoformat(self)
        try:
            return Timestamp((moment + datetime.timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ").zfill(20))
        except OverflowError:
            return Timestamp("9999-12-31T23:59:59Z")


class Licence(PatternText):
    """An SPDX licence expression in its usual spelling, `Apache-2.0` or `LicenseRef-OpenRAIL-M`."""

    __slots__ = ()
    what = "licence"
    pattern = r"^[A-Za-z0-9(][A-Za-z0-9 .+()-]*$"
    _not_spdx = "is not an SPDX expression, expected for example `Apache-2.0` or `LicenseRef-my-licence`"

    @classmethod
    def complaint(cls, text: str) -> str | None:
        """See `TextValue`; the list of licences is the one of `packaging`."""
        from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

        if not cls.matches(text) or len(text) > cls.longest:
            return cls._not_spdx
        try:
            usual = canonicalize_license_expression(text)
        except InvalidLicenseExpression:
            return cls._not_spdx
        return None if usual == text else f"is not the usual spelling, expected `{usual}`"


@dataclass(frozen=True)
class Line:
    """Annotation of a `str`: one visible line of 1 to `longest` characters, no blanks around it."""

    longest: int

    def complaint(self, text: str) -> str | None:
        """What is wrong with `text`; None when nothing is."""
        if not text:
            return f"is empty, expected 1 to {self.longest} characters"
        if re.search(rf"[{_UNSEEN}]", text):
            return "holds an invisible or control character, expected one line of visible text"
        if text != text.strip(" "):
            return "has blanks around it, expected none"
        return _length_complaint(text, self.longest)

    def read(self, value: object) -> str:
        """The line a document holds; raises what pydantic collects."""
        return checked_text(value, self.complaint)

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "pattern": LINE_PATTERN, "minLength": 1, "maxLength": self.longest}


def _length_complaint(text: str, longest: int) -> str | None:
    return f"has {len(text)} characters, expected at most {longest}" if len(text) > longest else None


def checked_text(value: object, complaint: Callable[[str], str | None]) -> str:
    """`value` when it is text without a complaint; raises what pydantic collects."""
    from pydantic_core import PydanticCustomError

    if not isinstance(value, str):
        raise PydanticCustomError("complaint", "{complaint}", {"complaint": "is not text"})
    problem = complaint(value)
    if problem is not None:
        raise PydanticCustomError("complaint", "{complaint}", {"complaint": problem})
    return value


def shown(value: object, *, longest: int = 60) -> str:
    """`value` as a message may print it: JSON words, escapes instead of unseen characters, cut at `longest`."""
    if isinstance(value, bool) or value is None:
        text = {True: "true", False: "false", None: "null"}[value]
    else:
        start = str(value)[: longest + 1]
        text = "".join(mark if mark.isprintable() else ascii(mark)[1:-1] for mark in start).replace("`", "'")
    return text if len(text) <= longest else text[: longest - 3] + "..."
