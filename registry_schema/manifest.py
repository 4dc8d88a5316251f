"""`Manifest` (`miva.json`): one published build of one adapter for one base; its bytes never change."""

from __future__ import annotations

from typing import Annotated, ClassVar, NamedTuple, Self

from pydantic import Field, model_validator

from registry_schema.adapter_spec import AdapterSpec
from registry_schema.digests import Digest
from registry_schema.document import Document, RootDocument, rule
from registry_schema.errors import SchemaError
from registry_schema.files import FileEntry
from registry_schema.names import AdapterName, BaseName
from registry_schema.safetensors_header import MAX_TENSORS
from registry_schema.text import Licence, Line, PatternText, Timestamp
from registry_schema.versions import Version, VersionRange

MAX_SEED = 2**63 - 1
Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]


class BuildKey(NamedTuple):
    """What tells builds apart; a release is all keys that share name and version."""

    name: AdapterName
    version: Version
    base: BaseName
    masked: bool

    @property
    def tag(self) -> str:
        """As git and OCI tags spell it, `1.2.0--nano-masked`."""
        return f"{self.version}--{self.base}{'-masked' if self.masked else ''}"


class Tag(PatternText):
    """A search word, `water` or `slow-motion`."""

    __slots__ = ()
    what = "tag"
    pattern = r"^[a-z0-9]+(-[a-z0-9]+)*$"
    longest = 32

    @classmethod
    def complaint(cls, text: str) -> str | None:
        """See `TextValue`."""
        plain = all(word.isascii() and word.isalnum() and word == word.lower() for word in text.split("-"))
        return None if plain else "is not a tag, expected lower-case letters, digits and single hyphens"


class TensorsRecord(Document):
    """The tensors of the weights file: how many, and the digest of its data section."""

    count: Annotated[int, Field(ge=1, le=MAX_TENSORS)]
    digest: Digest


class TrainingRecord(Document):
    """How the weights came to be; `footage` says in words whose clips they were."""

    clips: Annotated[int, Field(ge=1, le=1_000_000)]
    steps: Annotated[int, Field(ge=1, le=10_000_000)]
    seed: Seed
    recipe: Digest
    footage: Annotated[str, Line(200)]
    tool: Annotated[str, Line(80)]


class Manifest(RootDocument):
    """One build: who and what it is, the spec of its weights, its files."""

    SCHEMA: ClassVar[str] = "miva.manifest/1"
    SOURCE: ClassVar[str] = "miva.json"

    name: AdapterName
    version: Version
    title: Annotated[str, Line(80)]
    summary: Annotated[str, Line(200)]
    licence: Licence
    authors: Annotated[tuple[Annotated[str, Line(100)], ...], Field(max_length=16)] = ()
    tags: Annotated[tuple[Tag, ...], Field(max_length=16)] = ()
    created: Timestamp
    adapter: AdapterSpec
    files: Annotated[tuple[FileEntry, ...], Field(min_length=1, max_length=32)]
    tensors: TensorsRecord
    training: TrainingRecord | None = None
    requires: VersionRange = VersionRange()

    @classmethod
    def parse_published(cls, data: bytes, *, source: str | None = None) -> Self:
        """The manifest in bytes of a registry, which have to be canonical: then `identity()` is their digest.

        Raises:
            SchemaError: not valid, or not the bytes that `to_bytes` gives.
        """
        manifest = cls.parse(data, source=source)
        if manifest.to_bytes() != data:
            raise SchemaError(f"{source or cls.SOURCE}: is not in canonical form, expected the bytes mivactl writes")
        return manifest

    @property
    def key(self) -> BuildKey:
        """What tells this build from others."""
        return BuildKey(self.name, self.version, self.adapter.base.name, self.adapter.masked)

    @property
    def weights(self) -> FileEntry:
        """The one file of kind `weights`."""
        return next(entry for entry in self.files if entry.kind == "weights")

    @model_validator(mode="after")
    def _agree(self) -> Manifest:
        count = sum(entry.kind == "weights" for entry in self.files)
        if count != 1:
            raise rule("files", f"has {count} entries of kind `weights`, expected exactly 1")
        seen: set[str] = {"miva.json"}
        for number, entry in enumerate(self.files):
            if entry.path.lower() in seen:
                raise rule(
                    f"files[{number}].path", f"`{entry.path}` is taken, expected names that differ in more than case"
                )
            seen.add(entry.path.lower())
        if len(set(self.tags)) < len(self.tags):
            raise rule("tags", "names one tag twice, expected each once")
        return self
