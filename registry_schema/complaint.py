"""pydantic's findings in our words: one line with the place, the value in backticks and what was expected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from registry_schema.errors import SchemaError
from registry_schema.text import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

_WITHOUT_VALUE = {"missing", "unknown_field", "too_long", "too_short", "union_tag_not_found", "rule"}
_PLAIN = {
    "missing": "is missing",
    "union_tag_not_found": "has no `kind`",
    "int_type": "is not a whole number",
    "float_type": "is not a number",
    "finite_number": "is not finite",
    "bool_type": "is not `true` or `false`",
    "string_type": "is not text",
    "tuple_type": "is not a list",
    "model_type": "is not an object with named fields",
    "model_attributes_type": "is not an object with named fields",
    "dict_type": "is not an object with named fields",
    "mapping_type": "is not an object with named fields",
}
_BOUNDS = {
    "greater_than_equal": ("too small", "at least", "ge"),
    "greater_than": ("too small", "more than", "gt"),
    "less_than_equal": ("too large", "at most", "le"),
    "less_than": ("too large", "less than", "lt"),
}


def schema_error(error: ValidationError, value: object, *, source: str) -> SchemaError:
    """The first of pydantic's findings about `value` as one line for people.

    Args:
        error: what pydantic raised.
        value: the whole value that was being read, as plain dicts and lists.
        source: what messages call the document, often a file name.
    """
    findings = _without_echoes(error.errors(include_url=False))
    first = findings[0]
    context = first.get("ctx", {})
    place = _place(_without_tags(first, value), context.get("field", ""))
    words = [f"{source}:", place] if place else [f"{source}:"]
    if first["type"] not in _WITHOUT_VALUE and not isinstance(first["input"], dict | list | tuple):
        words.append(f"`{shown(first['input'])}`")
    words.append(_complaint(first, context))
    if len(findings) > 1:
        words.append(f"(and {len(findings) - 1} more)")
    return SchemaError(" ".join(words), hint=context.get("hint"))


def _without_echoes(findings: list[ErrorDetails]) -> list[ErrorDetails]:
    # pydantic counts valid entries only, so one faulty entry can make its list "too short" as well.
    def is_echo(finding: ErrorDetails) -> bool:
        place = finding["loc"]
        return finding["type"] == "too_short" and any(
            other["loc"][: len(place)] == place and len(other["loc"]) > len(place) for other in findings
        )

    return [finding for finding in findings if not is_echo(finding)]


def _complaint(finding: ErrorDetails, context: dict[str, Any]) -> str:
    kind = finding["type"]
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind in _BOUNDS:
        what, expected, key = _BOUNDS[kind]
        bound = context[key]
        return f"is {what}, expected {expected} {format(bound, 'g') if isinstance(bound, float) else bound}"
    if kind in {"too_short", "too_long"}:
        bound = f"at least {context['min_length']}" if kind == "too_short" else f"at most {context['max_length']}"
        return f"has {_entries(context['actual_length'])}, expected {bound}"
    if kind == "literal_error":
        return f"is not known here, expected {_or(context['expected'])}"
    if kind == "union_tag_invalid":
        return f"has the unknown kind `{shown(context['tag'])}`, expected {_or(context['expected_tags'])}"
    return str(context.get("complaint", finding["msg"]))


def _entries(count: int | None) -> str:
    if count is None:
        return "too many entries"
    return "1 entry" if count == 1 else f"{count} entries"


def _without_tags(finding: ErrorDetails, value: object) -> list[str | int]:
    """The place without the tags of unions that it inserts."""
    place: list[str | int] = []
    here: Any = value
    for number, step in enumerate(finding["loc"]):
        last = number == len(finding["loc"]) - 1
        known = step in here if isinstance(here, dict) else isinstance(here, list | tuple) and isinstance(step, int)
        if known:
            here = here[step]
        if known or (last and finding["type"] == "missing"):
            place.append(step)
    return place


def _place(steps: Sequence[str | int], field: str) -> str:
    text = ""
    for step in (*steps, *([field] if field else [])):
        text += f"[{step}]" if isinstance(step, int) else f".{shown(step)}"
    return text.removeprefix(".")


def _or(choices: str) -> str:
    """A list of choices with backticks: `a`, `b` or `c`."""
    words = choices.replace("'", "`").replace(" or ", ", ").split(", ")
    return " or ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]
