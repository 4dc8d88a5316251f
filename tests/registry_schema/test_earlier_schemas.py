"""Files of earlier schemas are read into today's model; those of later ones are refused with what they need."""

from __future__ import annotations

import json
from typing import ClassVar

import pytest

from registry_schema.document import RootDocument
from registry_schema.errors import SchemaError
from registry_schema.export import DOCUMENTS


class FirstNote(RootDocument):
    """A made-up document as it once was: one text."""

    SCHEMA: ClassVar[str] = "test.note/1"

    text: str

    def current(self) -> Note:
        return Note(lines=tuple(self.text.splitlines()))


class Note(RootDocument):
    """The same today: lines."""

    SCHEMA: ClassVar[str] = "test.note/2"
    EARLIER: ClassVar[tuple[type[RootDocument], ...]] = (FirstNote,)

    lines: tuple[str, ...]


def test_a_file_of_an_earlier_schema_is_read_into_the_model_of_today():
    old = b'{"schema": "test.note/1", "text": "one\\ntwo"}'
    assert Note.parse(old) == Note(lines=("one", "two"))
    assert json.loads(Note.parse(old).to_bytes()) == {"schema": "test.note/2", "lines": ["one", "two"]}


def test_a_file_of_an_earlier_schema_has_to_follow_it():
    for wrong in (b'{"schema": "test.note/1", "lines": []}', b'{"schema": "test.note/2", "text": ""}'):
        with pytest.raises(SchemaError):
            Note.parse(wrong)


@pytest.mark.parametrize("model", [model for model in DOCUMENTS.values() if issubclass(model, RootDocument)])
def test_a_later_schema_is_refused_with_the_way_to_read_it(model: type[RootDocument]):
    family, _, version = model.SCHEMA.rpartition("/")
    with pytest.raises(SchemaError) as caught:
        model.from_plain({"schema": f"{family}/{int(version) + 1}", "anything": []}, source="file")
    assert caught.value.message.endswith(f"expected `{model.SCHEMA}`")
    assert caught.value.hint == "written by a newer mivactl: run `pip install --upgrade mivactl`"
