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
from registry_schema.names import HOME_NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from mivactl.registry.registry_list import RegistryList
    from mivactl.session import Session
    from registry_schema.names import Namespace, RegistryName


@dataclass(frozen=True)
class ListedRegistry:
    """One registry: how many adapters it has, whether one may publish to it, and what is bound to it."""

    name: str
    place: str
    adapter_count: int
    writable: bool
    namespaces: tuple[str, ...]


def add_registry(
    name: RegistryName, folder: Path, session: Session, *, create: bool, namespaces: tuple[Namespace, ...] = ()
) -> ListedRegistry:
    """Remember the registry in `folder` as `name`; it is asked after those that were added before.

    Args:
        create: make a new, empty registry there.
        namespaces: no other registry may answer for them, whatever this one has and whether it can be reached.

    Raises:
        NotFound: there is no registry in the folder.
        Busy: the name is taken, or a namespace is bound to another registry.
        Refused: the namespace of the adapters that mivactl brings.
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
        _check_free(namespaces, entries)
        registry = create_directory_registry(name, folder) if create else DirectoryRegistry(name, folder)
        registry.config()
        added = entries.with_added(RegistryEntry(name=name, path=str(folder), namespaces=namespaces))
        write_registry_list(session.registry_list, added)
    return _listed(registry, added)


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


def list_registries(session: Session) -> Iterator[ListedRegistry]:
    """All registries in the order they are asked."""
    entries = read_registry_list(session.registry_list)
    return (_listed(registry, entries) for registry in session.registries)


def _check_free(namespaces: tuple[Namespace, ...], entries: RegistryList) -> None:
    for namespace in namespaces:
        if namespace == HOME_NAMESPACE:
            raise Refused(
                f"the namespace `{namespace}` is kept for the adapters mivactl brings", hint="leave out `--namespace`"
            )
        owner = entries.bound(namespace)
        if owner is not None:
            raise Busy(
                f"the namespace `{namespace}` is bound to registry `{owner}` already",
                hint=f"run `mivactl registry remove {owner}` first, or leave out `--namespace {namespace}`",
            )


def _listed(registry: DirectoryRegistry, entries: RegistryList) -> ListedRegistry:
    bound = next((entry.namespaces for entry in entries.registries if entry.name == registry.name), ())
    return ListedRegistry(registry.name, registry.place, len(registry.names()), registry.writable, bound)


def _locked(session: Session) -> AbstractContextManager[None]:
    path = session.registry_list.with_name("registries.lock")
    return locked(path, resource="the list of registries", timeout_seconds=session.settings.lock_timeout)
