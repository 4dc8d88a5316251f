"""From the registries a lock names to those of this machine: told by their id, whatever they are called here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_schema.errors import NotFound
from registry_schema.lock import LockedRegistry
from registry_schema.registry_address import RegistryId, RegistryUrl

if TYPE_CHECKING:
    from mivactl.registry.registry import Registry
    from mivactl.session import Session
    from registry_schema.names import RegistryName


def locked_registry(registry: Registry) -> LockedRegistry:
    """What a lock says of a registry; the path of a folder stays out of it."""
    url = RegistryUrl(registry.place) if RegistryUrl.problem(registry.place) is None else None
    return LockedRegistry(name=registry.name, id=RegistryId(registry.config().id), url=url)


def find_registry(locked: LockedRegistry, session: Session) -> Registry | None:
    """The registry with the id of a locked one, or None; the one of its name is asked first."""
    ordered = sorted(session.registries, key=lambda registry: registry.name != locked.name)
    return next((registry for registry in ordered if registry.config().id == locked.id), None)


def require_registry(locked: LockedRegistry, session: Session) -> Registry:
    """The same, where there has to be one.

    Raises:
        NotFound: this machine has none with that id.
    """
    found = find_registry(locked, session)
    if found is not None:
        return found
    same_name = name_is_taken(locked.name, session)
    words = (
        f"registry `{locked.name}` here is another one than miva.lock names"
        if same_name
        else (f"registry `{locked.name}` of miva.lock is not on this machine")
    )
    name = f"{locked.name}-locked" if same_name else locked.name
    raise NotFound(
        f"{words}: its id is `{locked.id}`",
        hint=f"run `mivactl registry add {name} {locked.url or 'DIR'}`, or `mivactl lock --allow-registry-change`",
    )


def name_is_taken(name: RegistryName, session: Session) -> bool:
    """Whether this machine calls a registry so."""
    return any(registry.name == name for registry in session.registries)
