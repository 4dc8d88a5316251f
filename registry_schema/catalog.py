"""`CatalogLine`: what a search needs to know of one adapter, so that nothing else is read of a registry to find it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from pydantic import Field, model_validator
from pydantic_core import from_json

from registry_schema import strict_json
from registry_schema.document import Document, rule
from registry_schema.errors import SchemaError
from registry_schema.files import MAX_FILE_BYTES
from registry_schema.manifest import Tag
from registry_schema.names import AdapterName, BaseName
from registry_schema.text import Licence, Line
from registry_schema.versions import Version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from registry_schema.index import IndexLine
    from registry_schema.manifest import Manifest

FORMAT: Literal[1] = 1
MAX_CATALOG_BYTES = 64 << 20
MAX_CATALOG_LINE_BYTES = 16 << 10


class CatalogBuild(Document):
    """The newest active build of an adapter for one base, masked or not; the size of its weights in bytes."""

    base: BaseName
    masked: bool
    version: Version
    size: Annotated[int, Field(ge=8, le=MAX_FILE_BYTES["weights"])]


class CatalogLine(Document):
    """One adapter: the words of its newest build, and which active builds there are; none when all are withdrawn."""

    v: Literal[1] = FORMAT
    name: AdapterName
    title: Annotated[str, Line(80)]
    summary: Annotated[str, Line(200)]
    motion: Annotated[str, Line(60)]
    licence: Licence
    tags: Annotated[tuple[Tag, ...], Field(max_length=16)] = ()
    subjects: Annotated[tuple[Annotated[str, Line(60)], ...], Field(max_length=16)] = ()
    authors: Annotated[tuple[Annotated[str, Line(100)], ...], Field(max_length=16)] = ()
    builds: Annotated[tuple[CatalogBuild, ...], Field(max_length=256)] = ()

    @model_validator(mode="after")
    def _agree(self) -> CatalogLine:
        keys = [(build.base, build.masked) for build in self.builds]
        if len(set(keys)) < len(keys):
            raise rule("builds", "names one base twice, expected each base once, and once masked")
        return self

    def to_bytes(self) -> bytes:
        """One canonical line: compact UTF-8 JSON, keys sorted, a newline at the end."""
        text = json.dumps(self.plain(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return f"{text}\n".encode()

    @classmethod
    def parse(cls, row: bytes, *, source: str) -> CatalogLine | None:
        """The line in `row`; None when it is in a newer format.

        Raises:
            SchemaError: not valid.
        """
        value = strict_json.parse(row, max_bytes=MAX_CATALOG_LINE_BYTES, source=source)
        if isinstance(value, dict) and isinstance(value.get("v"), int) and value["v"] > FORMAT:
            return None
        return cls.of(value, source=source)


class CatalogRow(NamedTuple):
    """A line of a catalog of which only as much was read as tells whether a search is after it.

    Nothing of it was checked: who shows it takes `line`.

    Attributes:
        name: the adapter's.
        texts: what words are looked for in, lower case: the name; tags and motion; everything else.
        builds: base and whether masked of each build.
    """

    name: str
    texts: tuple[str, str, str]
    builds: tuple[tuple[str, bool], ...]
    row: bytes
    source: str

    @classmethod
    def read(cls, row: bytes, *, source: str) -> CatalogRow | None:
        """The row; None when it is in a newer format.

        Raises:
            SchemaError: so far from being valid that its words are not where they should be.
        """
        try:
            return cls._of(from_json(row), row, source)
        except (KeyError, TypeError, ValueError, AttributeError):
            line = CatalogLine.parse(row, source=source)
            return None if line is None else cls._of(line.plain(), row, source)

    def line(self) -> CatalogLine:
        """All of it, checked.

        Raises:
            SchemaError: not valid.
        """
        return CatalogLine.of(
            strict_json.parse(self.row, max_bytes=MAX_CATALOG_LINE_BYTES, source=self.source), source=self.source
        )

    @classmethod
    def _of(cls, plain: dict[str, Any], row: bytes, source: str) -> CatalogRow | None:
        if plain["v"] > FORMAT:
            return None
        name, tags, builds = plain["name"], plain.get("tags", ()), plain.get("builds", ())
        others = [plain["title"], plain["summary"], *plain.get("subjects", ()), *plain.get("authors", ())]
        texts = (name.lower(), " ".join([*tags, plain["motion"]]).lower(), " ".join(others).lower())
        return cls(name, texts, tuple([(build["base"], build["masked"]) for build in builds]), row, source)


def speaker(lines: Iterable[IndexLine]) -> IndexLine | None:
    """The build that speaks for an adapter: the newest active one, or the newest of all; None when there is none.

    Among builds of one version it is the first by the name of its base.
    """
    ordered = sorted(lines, key=lambda line: (line.base.name, line.masked))
    return max(ordered, key=lambda line: (line.status == "active", line.version), default=None)


def catalog_line(lines: Sequence[IndexLine], manifest: Manifest) -> CatalogLine:
    """The line for an adapter.

    Args:
        lines: its index.
        manifest: that of the build that speaks for it.
    """
    newest: dict[tuple[str, bool], IndexLine] = {}
    for line in lines:
        key = (str(line.base.name), line.masked)
        if line.status == "active" and (key not in newest or line.version > newest[key].version):
            newest[key] = line
    return CatalogLine(
        name=manifest.name,
        title=manifest.title,
        summary=manifest.summary,
        motion=manifest.adapter.motion,
        licence=manifest.licence,
        tags=manifest.tags,
        subjects=manifest.adapter.subjects,
        authors=manifest.authors,
        builds=tuple(
            CatalogBuild(base=line.base.name, masked=line.masked, version=line.version, size=line.weights.size)
            for _, line in sorted(newest.items())
        ),
    )


def catalog_rows(data: bytes, *, source: str) -> Iterator[bytes]:
    """The lines of a catalog, unread: most of them are not what a search is after.

    Raises:
        SchemaError: over the limit, or the last line is not finished.
    """
    if len(data) > MAX_CATALOG_BYTES:
        raise SchemaError(f"{source}: is over {MAX_CATALOG_BYTES} bytes long, expected at most that")
    if data and not data.endswith(b"\n"):
        raise SchemaError(f"{source}: the last line has no newline, expected a finished line")
    return iter(data.split(b"\n")[:-1])


def with_line(data: bytes, name: AdapterName, line: CatalogLine | None, *, source: str) -> bytes:
    """A catalog in which `line` stands for the adapter `name`, or nothing does; sorted by name."""
    rows = {_name_in(row): row for row in catalog_rows(data, source=source)}
    rows.pop(str(name), None)
    if line is not None:
        rows[str(name)] = line.to_bytes().rstrip(b"\n")
    return b"".join(rows[key] + b"\n" for key in sorted(rows))


def completed(data: bytes, other: bytes, *, source: str) -> bytes:
    """A catalog with the rows of `other` for adapters that it lacks; sorted by name."""
    rows = {_name_in(row): row for part in (other, data) for row in catalog_rows(part, source=source)}
    return b"".join(rows[key] + b"\n" for key in sorted(rows))


def _name_in(row: bytes) -> str:
    value = strict_json.parse(row, max_bytes=MAX_CATALOG_LINE_BYTES, source="catalog.jsonl")
    return str(value.get("name")) if isinstance(value, dict) else ""
