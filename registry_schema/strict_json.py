"""JSON without its loose ends: no duplicate keys, no NaN, no BOM, bounded size and depth; stdlib only."""

from __future__ import annotations

import json
import re
from typing import Any

from registry_schema.errors import SchemaError
from registry_schema.text import shown

MAX_DEPTH = 12
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_LONGEST_NUMBER = 40


def parse(data: bytes, *, max_bytes: int, source: str = "document", max_depth: int = MAX_DEPTH) -> object:
    """The value `data` holds.

    Args:
        max_bytes: longest input that is looked at.
        source: what messages call the input, often a file name.
        max_depth: how deep lists and objects may lie in each other.

    Raises:
        SchemaError: too long, too deep, not UTF-8, a BOM, not JSON, a key twice, NaN or Infinity, or an absurd number.
    """
    if len(data) > max_bytes:
        raise SchemaError(f"{source}: is {len(data)} bytes long, expected at most {max_bytes}")
    if data.startswith(b"\xef\xbb\xbf"):
        raise SchemaError(f"{source}: starts with a byte order mark, expected plain UTF-8")
    _check_depth(data, max_depth=max_depth, source=source)
    try:
        return json.loads(
            data.decode(),
            object_pairs_hook=lambda pairs: _unique(pairs, source),
            parse_constant=lambda word: _refuse_constant(word, source),
            parse_int=lambda digits: _number(digits, int, source),
            parse_float=lambda digits: _number(digits, float, source),
        )
    except UnicodeDecodeError as error:
        raise SchemaError(f"{source}: byte {error.start} is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise SchemaError(f"{source}: line {error.lineno}, column {error.colno} is not JSON: {error.msg}") from error


def without_strings(data: bytes) -> bytes:
    """`data` with every JSON string cut out, so that its brackets can be counted."""
    return _STRING.sub(b"", data)


def _check_depth(data: bytes, *, max_depth: int, source: str) -> None:
    depth = 0
    for bracket in without_strings(data).translate(None, delete=_NO_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        if depth > max_depth:
            raise SchemaError(f"{source}: is nested more than {max_depth} deep")
        if depth < 0:
            return


def _unique(pairs: list[tuple[str, Any]], source: str) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise SchemaError(f"{source}: key `{shown(twice)}` occurs twice in one object, expected once")
    return found


def _refuse_constant(word: str, source: str) -> object:
    raise SchemaError(f"{source}: holds `{word}`, expected finite numbers only")


def _number(digits: str, kind: type[int] | type[float], source: str) -> int | float:
    value = kind(digits) if len(digits) <= _LONGEST_NUMBER else float("inf")
    if value in (float("inf"), float("-inf")):
        raise SchemaError(f"{source}: number `{shown(digits)}` is out of range")
    return value
