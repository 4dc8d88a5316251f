"""Results of operations as plain JSON data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Protocol, runtime_checkable

PlainData = None | bool | int | float | str | list["PlainData"] | dict[str, "PlainData"]


@runtime_checkable
class _Document(Protocol):
    """A pydantic model, told by what it can do: `--help` need not import pydantic."""

    def model_dump(self, *, mode: str, by_alias: bool) -> dict[str, Any]: ...


def plain_data(value: object) -> PlainData:
    """`value` as JSON knows it: dataclasses and documents become objects, names and paths become text."""
    if value is None or isinstance(value, bool | int | float | str):
        return str(value) if isinstance(value, Enum) else value
    if isinstance(value, list | tuple | set | frozenset):
        return [plain_data(item) for item in value]
    named = _named_parts(value)
    if named is not None:
        return {str(name): plain_data(item) for name, item in named.items()}
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else str(value)


def _named_parts(value: object) -> Mapping[str, object] | None:
    if isinstance(value, _Document):
        return value.model_dump(mode="json", by_alias=True)
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return value if isinstance(value, Mapping) else None
