"""Strict JSON agrees with JSON, and refuses its loose ends quickly."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_schema.errors import SchemaError
from registry_schema.strict_json import parse, without_strings

SCALARS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    SCALARS | st.text(),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(), part, max_size=3),
    max_leaves=9,
)


@given(VALUES)
def test_what_json_writes_is_read(value: object):
    assert parse(json.dumps(value).encode(), max_bytes=1 << 20, max_depth=99) == value


@given(st.binary(max_size=100))
def test_any_bytes_are_json_or_a_schema_error(data: bytes):
    try:
        parse(data, max_bytes=1 << 10)
    except SchemaError as error:
        words = error.message
        assert words.isprintable()


@given(st.text())
def test_brackets_in_strings_do_not_count(text: str):
    assert without_strings(json.dumps({text: text}).encode()) == b"{: }"


def test_depth_is_counted_in_lists_and_objects_together():
    assert parse(b'{"a":[{"b":[]}]}', max_bytes=99, max_depth=4)
    with pytest.raises(SchemaError, match="nested more than 3 deep"):
        parse(b'{"a":[{"b":[]}]}', max_bytes=99, max_depth=3)
    assert parse(b'["[[[[{{{{"]', max_bytes=99, max_depth=1)


@pytest.mark.parametrize(
    "data",
    [b"1" * 5000, b"-" + b"9" * 41, b"1" + b"0" * 400 + b".0", b"1e400"],
    ids=["digits", "below", "float", "exponent"],
)
def test_absurd_numbers_are_refused(data: bytes):
    with pytest.raises(SchemaError, match="out of range"):
        parse(data, max_bytes=1 << 16)


@pytest.mark.parametrize(
    "data",
    [
        b"[" * (1 << 21),
        b"]" * (1 << 21),
        b'"' * (1 << 21),
        b"\\" * (1 << 21),
        b'"' + b'\\"' * (1 << 20),
        b"[]" * (1 << 20),
    ],
    ids=["open", "close", "quotes", "escapes", "escaped-quotes", "pairs"],
)
def test_two_hostile_megabytes_are_refused_at_once(data: bytes):
    started = time.process_time()
    with pytest.raises(SchemaError):
        parse(data, max_bytes=1 << 21)
    assert time.process_time() - started < 1
