"""`Preset`: a composition to keep: exact builds and their weights, as TOML."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from registry_schema.digests import Digest
from registry_schema.document import Document, rule
from registry_schema.names import AdapterName, BaseName
from registry_schema.receipt import MAX_ADAPTERS, Weight
from registry_schema.toml_document import TomlDocument
from registry_schema.versions import Version


class PresetAdapter(Document):
    """One adapter of a preset: its exact build by manifest digest, and its weight."""

    name: AdapterName
    version: Version
    digest: Digest
    weight: Weight


class Preset(TomlDocument):
    """A composition. `blend` is `sum` (weights as written) or `budget` (scaled so that they sum to 1)."""

    SCHEMA: ClassVar[str] = "miva.preset/1"
    SOURCE: ClassVar[str] = "preset.toml"

    base: BaseName
    blend: Literal["sum", "budget"] = "sum"
    adapters: Annotated[tuple[PresetAdapter, ...], Field(min_length=1, max_length=MAX_ADAPTERS)]

    @model_validator(mode="after")
    def _agree(self) -> Preset:
        names = [adapter.name for adapter in self.adapters]
        for number, name in enumerate(names):
            if name in names[:number]:
                raise rule(f"adapters[{number}].name", f"`{name}` is there already, expected each adapter once")
        if self.blend == "budget" and sum(adapter.weight for adapter in self.adapters) <= 0:
            raise rule("blend", "`budget` has nothing to share out, expected weights with a sum above 0")
        return self

    def weights(self) -> tuple[float, ...]:
        """The weights to run with, in the order of `adapters`."""
        written = tuple(adapter.weight for adapter in self.adapters)
        total = sum(written) if self.blend == "budget" else 1.0
        return tuple(weight / total for weight in written)
