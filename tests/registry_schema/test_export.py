"""The published schemas are current, and they and the models say the same."""

from __future__ import annotations

import copy
import functools
import json
import re
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry_schema.advisories import Advisory, read_advisories
from registry_schema.attachments import Attachment, read_attachments
from registry_schema.errors import SchemaError
from registry_schema.export import DOCUMENTS, FOLDER, schema_bytes, write_schemas
from registry_schema.index import IndexLine, read_index
from tests.registry_schema import samples
from tests.registry_schema.faults.table import ASSETS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import ValidationError

VALID: dict[str, dict[str, Any]] = {
    "advisory-line-1": samples.advisory().plain(),
    "attachment-line-2": samples.attachment().plain(),
    "base-1": samples.base_spec().plain(),
    "checkpoint-1": samples.checkpoint().plain(),
    "index-line-1": samples.index_line().plain(),
    "lock-1": samples.lock().plain(),
    "manifest-1": samples.manifest().plain(),
    "preset-1": samples.preset().plain(),
    "receipt-1": samples.receipt().plain(),
    "root-1": samples.root().plain(),
    "signatures-1": samples.signatures().plain(),
    "snapshot-1": samples.snapshot().plain(),
}
OF_THE_BYTES = {"byte-order-mark", "key-twice", "not-a-number", "infinite", "too-deep", "too-long", "over-4-kib"}
# What only the model knows, besides rules between fields: calendars, the SPDX list, names of devices.
MODEL_ONLY = ("is not in the calendar", "SPDX", "usual spelling", "device name")


def ecma_pattern(
    validator: Any, pattern: str, instance: object, schema: object
) -> Iterator[jsonschema.ValidationError]:
    """JSON Schema's `$` is the end; Python's `re` would let one newline stand behind it."""
    if isinstance(instance, str) and not re.search(re.sub(r"\$(?=\)|$)", r"\\Z", pattern), instance):
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


Validator = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"pattern": ecma_pattern})


def published(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / f"{name}.json").read_bytes())


@functools.cache
def validator(name: str) -> Any:
    return Validator(published(name))


def schema_accepts(name: str, document: object) -> bool:
    return validator(name).is_valid(document)


def model_finding(name: str, document: object) -> SchemaError | None:
    model = DOCUMENTS[name]
    lines = {IndexLine: read_index, Advisory: read_advisories, Attachment: read_attachments}
    try:
        if model in lines:
            if not lines[model](json.dumps(document).encode() + b"\n", source=name):
                return SchemaError(f"{name}: v is newer, the line is left out")
        else:
            model.from_plain(document, source=name)
    except SchemaError as error:
        return error
    return None


def only_the_model_knows(error: SchemaError) -> bool:
    if any(words in error.message for words in MODEL_ONLY):
        return True
    cause: ValidationError | None = error.__cause__
    return cause is not None and all(finding["type"] == "rule" for finding in cause.errors())


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_published_schema_is_current(name: str):
    """`python -m registry_schema.export` writes it again."""
    assert (FOLDER / f"{name}.json").read_bytes() == schema_bytes(DOCUMENTS[name])


def test_export_writes_exactly_the_published_files(tmp_path):
    write_schemas(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        path.name: path.read_bytes() for path in FOLDER.iterdir()
    }


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_schema_is_one_and_accepts_the_valid_document(name: str):
    jsonschema.Draft202012Validator.check_schema(published(name))
    assert schema_accepts(name, VALID[name])
    assert model_finding(name, VALID[name]) is None


@pytest.mark.parametrize("folder", ["manifest", "receipt", "base", "root", "checkpoint", "snapshot", "signatures"])
def test_schema_and_model_agree_on_every_faulty_asset(folder: str):
    for path in sorted((ASSETS / folder).iterdir()):
        try:
            document = json.loads(path.read_bytes())
        except ValueError:
            continue
        if path.stem in {
            "byte-order-mark",
            "key-twice",
            "not-a-number",
            "infinite",
            "too-deep",
            "too-long",
            "over-4-kib",
        }:
            continue  # faults of the bytes, gone after a lenient reader
        error = model_finding(f"{folder}-1", document)
        assert error is not None, path.name
        assert only_the_model_knows(error) or not schema_accepts(f"{folder}-1", document), path.name


def places(value: object, here: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if here:
        yield here
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, part in parts:
        yield from places(part, (*here, step))


TEMPTING = ("", "nano", "miva/waterfall", "1.2.0", "1.0.0rc1", ">=1,<2", "sha256:" + 64 * "0", "full", "linear", "MIT",
            "2026-11-20T09:30:00Z", "a\n", " a", "a\u202eb", "README.md", "joint", "flow", "640x480")  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 2**70)
    | st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not number.is_integer())
    | st.text(max_size=70)
    | st.sampled_from(TEMPTING)
)
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.text(max_size=5), SCALARS, max_size=2)


@st.composite
def changed_documents(draw: st.DrawFn) -> tuple[str, object]:
    name = draw(st.sampled_from(sorted(VALID)))
    document = copy.deepcopy(VALID[name])
    for _ in range(draw(st.integers(1, 2))):
        place = draw(st.sampled_from(list(places(document))))
        here: Any = document
        for step in place[:-1]:
            here = here[step]
        change = draw(st.sampled_from(["set", "remove", "add"]))
        if change == "set":
            here[place[-1]] = draw(VALUES)
        elif change == "remove":
            del here[place[-1]]
        elif isinstance(here, dict):
            here[draw(st.sampled_from(["masked", "note", "kind", "x"]) | st.text(max_size=4))] = draw(VALUES)
        else:
            here.append(draw(VALUES))
        if not document:
            break
    return name, document


@settings(max_examples=400, deadline=None)
@given(changed_documents())
def test_schema_and_model_agree_on_changed_documents(changed: tuple[str, object]):
    name, document = changed
    error = model_finding(name, document)
    if error is None:
        assert schema_accepts(name, document)
    elif not only_the_model_knows(error):
        assert not schema_accepts(name, document), error.message


@settings(max_examples=200, deadline=None)
@given(changed_documents())
def test_every_refusal_is_one_printable_line(changed: tuple[str, object]):
    error = model_finding(*changed)
    if error is not None:
        assert re.fullmatch(r"[^\x00-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]{1,600}", error.message)
        assert not error.message.endswith(".")
