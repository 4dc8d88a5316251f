"""From the registries a lock names to those of this machine: told by their id, whatever they are called here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_schema.errors import NotFound
from registry_schema.lock import LockedRegistry
from registry_schema.names import RegistryName
from registry_schema.registry_address import RegistryId, RegistryUrl

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from mivactl.registry.registry import Registry
    from mivactl.session import Session
    from registry_schema.lock import Lock


def locked_registry(registry: Registry) -> LockedRegistry:
    """What a lock says of a registry; the path of a folder stays out of it."""
    url = RegistryUrl(registry.place) if RegistryUrl.problem(registry.place) is None else None
    return LockedRegistry(name=registry.name, id=RegistryId(registry.config().id), url=url)


def names_in_lock(here: Iterable[LockedRegistry], before: Lock | None) -> dict[RegistryName, LockedRegistry]:
    """What a lock calls registries, by their names on this machine.

    Those that were in the lock keep the name they have there, so that it does not change from machine to machine.
    """
    known = {registry.id: registry for registry in (before.registries if before else ())}
    named: dict[RegistryName, LockedRegistry] = {}
    for registry in here:
        entry = known.get(registry.id)
        if entry is None:
            taken = {other.name for other in known.values()}
            entry = registry.model_copy(update={"name": _free_name(registry.name, taken)})
        elif entry.url is None:
            entry = entry.model_copy(update={"url": registry.url})
        known[entry.id] = named[registry.name] = entry
    return named


def _free_name(name: RegistryName, taken: Collection[RegistryName]) -> RegistryName:
    names = (name, *(RegistryName(f"{name}-{number}") for number in range(2, len(taken) + 2)))
    return next(one for one in names if one not in taken)


def find_registry(locked: LockedRegistry, session: Session) -> Registry | None:
    """The registry with the id of a locked one, or None; the one of its name is asked first."""
    ordered = sorted(session.registries, key=lambda registry: registry.name != locked.name)
    return next((session.guarded(registry) for registry in ordered if registry.config().id == locked.id), None)


def require_registry(locked: LockedRegistry, session: Session) -> Registry:
    """The same, where there has to be one.

    Raises:
        NotFound: this machine has none with that id.
    """
    found = find_registry(locked, session)
    if found is not None:
        return found
    name, words = locked.name, f"registry `{locked.name}` of miva.lock is not on this machine"
    if any(registry.name == name for registry in session.registries):
        name, words = RegistryName(f"{name}-locked"), f"registry `{name}` here is another one than miva.lock names"
    raise NotFound(
        f"{words}: its id is `{locked.id}`",
        hint=f"run `mivactl registry add {name} {locked.url or 'DIR'}`, or `mivactl lock --allow-registry-change`",
    )
