"""Documents as TOML, and one put over another; free of torch."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def toml_text(document: Mapping[str, Any]) -> str:
    """A document of texts, numbers, lists and tables as TOML, in its own order."""
    return "\n".join(_table_lines("", document)) + "\n"


def _table_lines(name: str, table: Mapping[str, Any]) -> list[str]:
    lines = ["", f"[{name}]"] if name else []
    lines += [f"{key} = {_toml_value(value)}" for key, value in table.items() if not isinstance(value, dict)]
    for key, value in table.items():
        if isinstance(value, dict):
            lines += _table_lines(f"{name}.{key}" if name else key, value)
    return lines


def _toml_value(value: Any) -> str:  # noqa: ANN401 - whatever TOML holds
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        # a JSON string is a TOML basic string, except for the delete character
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
    return "[" + ", ".join(_toml_value(item) for item in value) + "]"


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """The tables of `below` with the values of `above` put over them."""
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        result[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result
