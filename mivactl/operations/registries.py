"""Add, list and remove registries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mivactl.file_lock import locked
from mivactl.registry.directory import DirectoryRegistry, create_directory_registry
from mivactl.registry.registry import STARTER
from mivactl.registry.registry_list import RegistryEntry, read_registry_list, write_registry_list
from mivactl.session import LOCAL
from registry_schema.errors import Busy, NotFound, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from mivactl.session import Session
    from registry_schema.names import RegistryName


@dataclass(frozen=True)
class ListedRegistry:
    """One registry: how many adapters it has, and whether one may publish to it."""

    name: str
    place: str
    adapter_count: int
    writable: bool


def add_registry(name: RegistryName, folder: Path, session: Session, *, create: bool) -> ListedRegistry:
    """Remember the registry in `folder` as `name`; it is asked after those that were added before.

    Args:
        create: make a new, empty registry there.

    Raises:
        NotFound: there is no registry in the folder.
        Busy: the name is taken.
        UsageProblem: the folder holds something else, or can not be written.
    """
    folder = folder.expanduser().absolute()
    with _locked(session):
        entries = read_registry_list(session.registry_list)
        if name in {STARTER, LOCAL, *(entry.name for entry in entries.registries)}:
            raise Busy(
                f"there is a registry `{name}` already",
                hint=f"choose another name, or `mivactl registry remove {name}`",
            )
        registry = create_directory_registry(name, folder) if create else DirectoryRegistry(name, folder)
        registry.config()
        write_registry_list(session.registry_list, entries.with_added(RegistryEntry(name=name, path=str(folder))))
    return _listed(registry)


def remove_registry(name: RegistryName, session: Session) -> None:
    """Forget a registry; its folder and what was installed from it stay.

    Raises:
        NotFound: there is none of that name.
        Refused: it belongs to mivactl.
    """
    if name in {STARTER, LOCAL}:
        raise Refused(f"registry `{name}` belongs to mivactl", hint="only registries that were added can be removed")
    with _locked(session):
        entries = read_registry_list(session.registry_list)
        if name not in {entry.name for entry in entries.registries}:
            raise NotFound(f"no registry `{name}`", hint="`mivactl registry list` shows them")
        write_registry_list(session.registry_list, entries.without(name))
        session.trust.forget_registry(name)


def list_registries(session: Session) -> Iterator[ListedRegistry]:
    """All registries in the order they are asked."""
    return (_listed(registry) for registry in session.registries)


def _listed(registry: DirectoryRegistry) -> ListedRegistry:
    return ListedRegistry(registry.name, registry.place, len(registry.names()), registry.writable)


def _locked(session: Session) -> AbstractContextManager[None]:
    path = session.registry_list.with_name("registries.lock")
    return locked(path, resource="the list of registries", timeout_seconds=session.settings.lock_timeout)
