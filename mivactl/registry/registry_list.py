"""The registries a person has added, in the order they are asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field, StringConstraints

from mivactl.disk import disk_errors, write_durably
from registry_schema.document import Document, RootDocument
from registry_schema.names import Namespace, RegistryName

if TYPE_CHECKING:
    from pathlib import Path


class RegistryEntry(Document):
    """One added registry: its folder or its address without credentials, and the namespaces bound to it alone."""

    name: RegistryName
    place: Annotated[str, StringConstraints(min_length=1, max_length=4096)]
    namespaces: Annotated[tuple[Namespace, ...], Field(max_length=64)] = ()


class RegistryList(RootDocument):
    """The content of `registries.json`."""

    SCHEMA: ClassVar[str] = "mivactl.registries/1"
    SOURCE: ClassVar[str] = "registries.json"

    registries: Annotated[tuple[RegistryEntry, ...], Field(max_length=64)] = ()

    def with_added(self, entry: RegistryEntry) -> RegistryList:
        """The same and one more at the end."""
        return RegistryList(registries=(*self.registries, entry))

    def bound(self, namespace: str) -> RegistryName | None:
        """The registry that a namespace is bound to."""
        return next((entry.name for entry in self.registries if namespace in entry.namespaces), None)

    def without(self, name: RegistryName) -> RegistryList:
        """The same without one."""
        return RegistryList(registries=tuple(entry for entry in self.registries if entry.name != name))


def read_registry_list(path: Path) -> RegistryList:
    """The list at `path`; an empty one where there is none yet.

    Raises:
        SchemaError: the file is not such a list.
    """
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return RegistryList()
    return RegistryList.parse(content, source=str(path))


def write_registry_list(path: Path, registries: RegistryList) -> None:
    """Replace the list at `path`."""
    with disk_errors(path):
        write_durably(path, registries.to_bytes())
