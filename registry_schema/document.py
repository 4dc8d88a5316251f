"""`Document`: the closed, frozen, bounded model that everything written to a file is built of."""

from __future__ import annotations

import difflib
import json
from typing import Any, ClassVar, Self, cast

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from registry_schema import strict_json
from registry_schema.complaint import schema_error
from registry_schema.digests import Digest
from registry_schema.errors import SchemaError
from registry_schema.text import shown


class Document(BaseModel):
    """A value in a document: frozen, closed, strict about types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _know_every_field(cls, value: object) -> object:
        # pydantic forbids unknown fields too, but only here the known ones can be named.
        if isinstance(value, dict):
            known = cls.model_fields
            for key in value:
                if key not in known:
                    raise _unknown_field(str(key), list(known))
        return value

    @classmethod
    def of(cls, value: object, *, source: str) -> Self:
        """The document that plain dicts, lists and scalars describe.

        Args:
            value: what a JSON or TOML reader returned.
            source: what messages call it, often a file name.

        Raises:
            SchemaError: it is not such a document; the message names the place, the value and what was expected.
        """
        try:
            return cls.model_validate(_frozen(value))
        except ValidationError as error:
            raise schema_error(error, value, source=source) from error

    def plain(self) -> dict[str, Any]:
        """The same as plain dicts, lists and scalars; what is absent has no key."""
        return self.model_dump(mode="json", exclude_none=True)


class RootDocument(Document):
    """A document with a file of its own: it names its schema and has canonical bytes.

    There is one model for each document, today's. When a schema changes in a way that files written before do not
    follow, its model of then goes on as one of `EARLIER`, closed and checked as it was, and says how it reads today.
    """

    SCHEMA: ClassVar[str]
    SOURCE: ClassVar[str] = "document"
    MAX_BYTES: ClassVar[int] = 1 << 16
    EARLIER: ClassVar[tuple[type[RootDocument], ...]] = ()

    @classmethod
    def parse(cls, data: bytes, *, source: str | None = None) -> Self:
        """The document in `data`.

        Raises:
            SchemaError: not strict JSON, another or a newer schema, or not valid.
        """
        source = source or cls.SOURCE
        return cls.from_plain(strict_json.parse(data, max_bytes=cls.MAX_BYTES, source=source), source=source)

    @classmethod
    def from_plain(cls, value: object, *, source: str) -> Self:
        """The document that plain data with its `schema` key describes; raises `SchemaError`."""
        if isinstance(value, dict):
            earlier = next((model for model in cls.EARLIER if value.get("schema") == model.SCHEMA), None)
            if earlier is not None:
                return cast(Self, earlier.from_plain(value, source=source).current())
            _check_schema(value, expected=cls.SCHEMA, source=source)
            value = {key: part for key, part in value.items() if key != "schema"}
        return cls.of(value, source=source)

    def current(self) -> RootDocument:
        """The same in today's model; models of earlier schemas say here what became of each field."""
        return self

    def plain(self) -> dict[str, Any]:
        """The same as plain data, `schema` first."""
        return {"schema": self.SCHEMA, **super().plain()}

    def to_bytes(self) -> bytes:
        """Canonical bytes: UTF-8 JSON, keys sorted, two blanks of indent, a newline at the end."""
        return (json.dumps(self.plain(), ensure_ascii=False, sort_keys=True, indent=2) + "\n").encode()

    def identity(self) -> Digest:
        """Digest of the canonical bytes."""
        return Digest.of(self.to_bytes())


def rule(field: str, complaint: str, *, hint: str | None = None) -> PydanticCustomError:
    """The error to raise in a validator when fields do not agree.

    Args:
        field: the place to name, seen from the validated model, for example `files[2].path`.
        complaint: what is wrong and what was expected, to be read after the place.
        hint: the way out.
    """
    return PydanticCustomError("rule", "{complaint}", {"field": field, "complaint": complaint, "hint": hint})


def _unknown_field(name: str, known: list[str]) -> PydanticCustomError:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(known)}"
    context = {"field": shown(name), "complaint": "is not a known field", "hint": hint}
    return PydanticCustomError("unknown_field", "{complaint}", context)


def _check_schema(value: dict[str, Any], *, expected: str, source: str) -> None:
    found = value.get("schema")
    if found == expected:
        return
    if "schema" not in value:
        raise SchemaError(f"{source}: schema is missing, expected `{expected}`")
    family = expected.rpartition("/")[0]
    newer = isinstance(found, str) and found.startswith(f"{family}/") and found.removeprefix(f"{family}/").isdecimal()
    hint = "written by a newer mivactl: run `pip install --upgrade mivactl`" if newer else None
    raise SchemaError(f"{source}: schema `{shown(found)}` is not known, expected `{expected}`", hint=hint)


def _frozen(value: object) -> object:
    # Strict models take tuples only; readers return lists.
    if isinstance(value, dict):
        return {key: _frozen(part) for key, part in value.items()}
    return tuple(_frozen(part) for part in value) if isinstance(value, list | tuple) else value
