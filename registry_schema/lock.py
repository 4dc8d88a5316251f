"""`Lock` (`miva.lock`): the exact builds of a project, the base they run on, and the registries they come from."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field, model_validator

from registry_schema.base_spec import BaseIdentity
from registry_schema.digests import Digest
from registry_schema.document import Document, rule
from registry_schema.index import Status, WeightsPointer
from registry_schema.names import AdapterName, BaseName, RegistryName
from registry_schema.registry_address import RegistryId, RegistryUrl
from registry_schema.text import Line
from registry_schema.toml_document import TomlDocument
from registry_schema.versions import Version, VersionRange

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_LOCKED = 512


class LockedRegistry(Document):
    """A registry: what it is called here, its own id, and its address if it has one that others can reach."""

    name: RegistryName
    id: RegistryId
    url: RegistryUrl | None = None


class LockedAdapter(Document):
    """One adapter: what is asked for (`range`), and the one build that answered it.

    Args:
        base: the base of the build; the lock's own, or one of the same architecture.
        range: of versions; empty takes any.
        status: of the build when it was locked.
        signer: who signed the build, if anybody did.
    """

    name: AdapterName
    range: VersionRange = VersionRange()
    version: Version
    base: BaseName
    masked: bool
    registry: RegistryName
    manifest: Digest
    weights: WeightsPointer
    status: Status
    signer: Annotated[str, Line(200)] | None = None


class Lock(TomlDocument):
    """What a project runs. Nothing in it depends on the machine or the moment."""

    SCHEMA: ClassVar[str] = "miva.lock/1"
    SOURCE: ClassVar[str] = "miva.lock"
    MAX_BYTES: ClassVar[int] = 1 << 19
    COMMENT: ClassVar[str] = "Written by `mivactl lock`; keep it with the project."

    base: BaseIdentity
    registries: Annotated[tuple[LockedRegistry, ...], Field(max_length=64)] = ()
    adapters: Annotated[tuple[LockedAdapter, ...], Field(max_length=MAX_LOCKED)] = ()

    @model_validator(mode="after")
    def _agree(self) -> Lock:
        _check_order("registries", [registry.name for registry in self.registries])
        _check_order("adapters", [adapter.name for adapter in self.adapters])
        known = {registry.name for registry in self.registries}
        for number, adapter in enumerate(self.adapters):
            if adapter.registry not in known:
                raise rule(f"adapters[{number}].registry", f"`{adapter.registry}` is not among the registries")
        used = {adapter.registry for adapter in self.adapters}
        for number, registry in enumerate(self.registries):
            if registry.name not in used:
                raise rule(f"registries[{number}].name", f"`{registry.name}` has no adapter in this lock")
        return self

    def adapter(self, name: AdapterName) -> LockedAdapter | None:
        """The entry of that name, if there is one."""
        return next((adapter for adapter in self.adapters if adapter.name == name), None)

    def registry_of(self, adapter: LockedAdapter) -> LockedRegistry:
        """The registry that an entry names."""
        return next(registry for registry in self.registries if registry.name == adapter.registry)


def _check_order(field: str, names: Sequence[str]) -> None:
    for number, (before, name) in enumerate(pairwise(names), start=1):
        if before >= name:
            raise rule(f"{field}[{number}].name", f"`{name}` comes after `{before}`, expected each once and sorted")
