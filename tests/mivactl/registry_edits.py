"""What owners, and enemies, do to a registry after something was published in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from registry_schema.index import IndexLine, write_index
from registry_schema.names import AdapterName, RegistryName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mivactl.registry.directory import DirectoryRegistry
    from tests.mivactl.world import World


def rewrite_index(
    registry: DirectoryRegistry, name: str, edit: Callable[[tuple[IndexLine, ...]], Iterable[IndexLine]]
) -> None:
    """Replace the lines of an adapter."""
    path = registry.index_path(AdapterName(name))
    path.write_bytes(write_index(edit(registry.lines(AdapterName(name)))))


def change_line(registry: DirectoryRegistry, name: str, version: str, **fields: Any) -> None:
    """Change fields of the lines of one version: the status, or what may never change."""
    rewrite_index(
        registry,
        name,
        lambda lines: [
            IndexLine.of(line.plain() | fields, source="index") if str(line.version) == version else line
            for line in lines
        ],
    )


def take_away(registry: DirectoryRegistry, name: str, version: str) -> None:
    """Remove a version from the index."""
    rewrite_index(registry, name, lambda lines: [line for line in lines if str(line.version) != version])


def added_registry(world: World, name: str, *options: str) -> DirectoryRegistry:
    """A new registry in a folder of its own, added to those that are asked."""
    world.ok("registry", "add", name, world.folder / name, "--create", *options)
    return world.session().registry(RegistryName(name))
