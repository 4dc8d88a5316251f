"""`TomlDocument`: a document that people keep beside their work, in TOML with canonical bytes."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, ClassVar, Self

from registry_schema.document import RootDocument
from registry_schema.errors import SchemaError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class TomlDocument(RootDocument):
    """A root document in TOML; `COMMENT` is its first line."""

    COMMENT: ClassVar[str] = ""

    @classmethod
    def parse(cls, data: bytes, *, source: str | None = None) -> Self:
        """The document in TOML `data`; raises `SchemaError`."""
        source = source or cls.SOURCE
        if len(data) > cls.MAX_BYTES:
            raise SchemaError(f"{source}: is {len(data)} bytes long, expected at most {cls.MAX_BYTES}")
        try:
            value = tomllib.loads(data.decode())
        except UnicodeDecodeError as error:
            raise SchemaError(f"{source}: byte {error.start} is not UTF-8") from error
        except tomllib.TOMLDecodeError as error:
            raise SchemaError(f"{source}: is not TOML: {error}") from error
        except RecursionError as error:
            raise SchemaError(f"{source}: is nested too deep") from error
        return cls.from_plain(value, source=source)

    def to_bytes(self) -> bytes:
        """Canonical TOML: single values first, then tables, fields in the order of the model."""
        comment = [f"# {self.COMMENT}"] if self.COMMENT else []
        return ("\n".join([*comment, *_lines(self.plain())]) + "\n").encode()


def _lines(plain: Mapping[str, object]) -> Iterator[str]:
    tables = {key: value for key, value in plain.items() if isinstance(value, dict) or (value and _is_list(value))}
    yield from _pairs({key: value for key, value in plain.items() if key not in tables})
    for key, value in tables.items():
        if isinstance(value, dict):
            yield from ("", f"[{key}]", *_pairs(value))
        elif isinstance(value, list):
            for entry in value:
                yield from ("", f"[[{key}]]", *_pairs(entry))


def _is_list(value: object) -> bool:
    return isinstance(value, list) and isinstance(value[0], dict)


def _pairs(table: Mapping[str, object], prefix: str = "") -> Iterator[str]:
    """`key = value`, with dotted keys for tables inside; of text, numbers and switches JSON's spelling is TOML's."""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _pairs(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key} = {json.dumps(value, ensure_ascii=False)}"
