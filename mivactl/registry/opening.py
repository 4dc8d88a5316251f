"""From the place a person names to the registry there; each kind is imported only when one is opened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from mivactl.registry.directory import DirectoryRegistry
from registry_schema.errors import UsageProblem

if TYPE_CHECKING:
    from mivactl.registry.access import Access
    from mivactl.registry.registry import Registry, WritableRegistry
    from registry_schema.names import RegistryName

_OBJECT_STORES: Final = frozenset({"s3", "gs", "gcs", "az", "abfs", "memory"})
_WEB: Final = frozenset({"http", "https"})


def is_address(place: str) -> bool:
    """Whether `place` is an address, `s3://bucket/adapters`, and not a folder."""
    return "://" in place


def normal_place(place: str) -> str:
    """An address without a slash at its end, or the absolute path of a folder."""
    return place.rstrip("/") if is_address(place) else str(Path(place).expanduser().absolute())


def open_registry(name: RegistryName, place: str, access: Access) -> WritableRegistry | Registry:
    """The registry at `place`; nothing is read of it yet.

    Args:
        place: a folder or an address.
        home: the folder of mivactl, where what was seen of a registry may be kept.
        lock_timeout: seconds to wait for another process that publishes into the same folder.

    Raises:
        UsageProblem: no kind of registry has such an address, or a part of mivactl is not installed.
        Refused: it would be asked without encryption.
    """
    if not is_address(place):
        return DirectoryRegistry(name, Path(place), lock_timeout=access.lock_timeout)
    scheme = place.partition("://")[0]
    if scheme in _WEB:
        from mivactl.registry.http_source import HttpByteSource, HttpRegistry

        return HttpRegistry(name, HttpByteSource(name, place, access))
    if scheme == "oci":
        from mivactl.registry.oci import OciRegistry
        from mivactl.registry.oci_source import OciSource

        return OciRegistry(name, OciSource(name, place, access))
    if scheme in _OBJECT_STORES:
        from mivactl.registry.object_store_source import ObjectStoreSource
        from mivactl.registry.static_publication import WritableStaticRegistry

        return WritableStaticRegistry(name, ObjectStoreSource(place))
    if scheme == "hf":
        from mivactl.registry.hub_memory import HubMemory
        from mivactl.registry.hub_place import HubPlace
        from mivactl.registry.hub_publication import WritableHubRegistry

        return WritableHubRegistry(name, HubPlace.parse(place), HubMemory(access.home))
    raise UsageProblem(
        f"`{place}` is no place for a registry",
        hint="a folder, or an address that starts with `https://`, `oci://`, `hf://` or `s3://`",
    )
