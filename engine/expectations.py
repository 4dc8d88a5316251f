"""What a recipe wants instead of a value that will not do, in words; free of torch."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_EXPECTATIONS = {
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "a text",
    "tuple_type": "a list",
    "model_type": "a table",
    "greater_than_equal": "at least {ge:g}",
    "greater_than": "more than {gt:g}",
    "less_than_equal": "at most {le:g}",
    "less_than": "less than {lt:g}",
    "finite_number": "a finite number",
    "literal_error": "{expected}",
    "string_too_long": "at most {max_length} characters",
    "too_long": "at most {max_length} values",
    "missing": "one more value",
}


def expectation(error: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails
    """What one of pydantic's errors expected."""
    pattern = _EXPECTATIONS.get(error["type"])
    if pattern is None:
        return str(error["msg"]).lower()
    return pattern.format(**error.get("ctx", {})).replace("'", '"')


def nearest_word(value: object, errors: Sequence[Any]) -> str | None:
    """The word that `value` was meant to be, among those that pydantic's `errors` expected; None is none like it."""
    literals = (error["ctx"]["expected"] for error in errors if error["type"] == "literal_error")
    words = [word for expected in literals for word in re.findall(r"'([^']+)'", expected)]
    return next(iter(difflib.get_close_matches(str(value), words, n=1)), None)
