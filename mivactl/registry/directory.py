"""A registry in a folder, in the static layout that a plain web server can offer unchanged."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from mivactl.disk import disk_errors, write_durably
from mivactl.registry.folder_source import FolderSource
from mivactl.registry.registry import RegistryConfig
from mivactl.registry.static import CONFIG, blob_path, config_bytes, index_path, manifest_path
from mivactl.registry.static_publication import WritableStaticRegistry
from registry_schema.catalog import catalog_line, speaker
from registry_schema.errors import UsageProblem
from registry_schema.names import AdapterName
from registry_schema.signed_state import ADVISORIES, CATALOG, StatePath

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mivactl.registry.byte_source import Token
    from registry_schema.digests import Digest
    from registry_schema.names import RegistryName


class DirectoryRegistry(WritableStaticRegistry):
    """The registry in the folder `root`.

    Args:
        name: what the person calls it.
        root: the folder; it has a `config.json`.
        writable: whether `publish` may add to it.
        lock_timeout: seconds to wait for another process that publishes.
    """

    def __init__(self, name: RegistryName, root: Path, *, writable: bool = True, lock_timeout: float = 60.0) -> None:
        super().__init__(name, FolderSource(root, lock_timeout=lock_timeout), writable=writable)
        self.root = root

    def names(self) -> tuple[AdapterName, ...]:
        """See `Registry`; those with an index, whether or not they have active builds."""
        files = self.root.glob("index/*/*.jsonl")
        texts = sorted(f"{path.parent.name}/{path.stem}" for path in files)
        return tuple(AdapterName(text) for text in texts if AdapterName.complaint(text) is None)

    def state_files(self) -> dict[StatePath, bytes]:
        """Every mutable file, by path: what the owner of a signed registry vouches for."""
        paths = [StatePath.of_index(name) for name in self.names()]
        paths += [StatePath(name) for name in (CATALOG, ADVISORIES)]
        found = ((path, self.read(path, max_bytes=path.max_bytes)) for path in paths)
        return {path: content for path, content in found if content is not None}

    def index_path(self, name: AdapterName) -> Path:
        """Where the lines of an adapter are."""
        return self.root / index_path(name)

    def manifest_path(self, digest: Digest) -> Path:
        """Where a manifest is."""
        return self.root / manifest_path(digest)

    def blob_path(self, digest: Digest) -> Path:
        """Where a file is."""
        return self.root / blob_path(digest)

    def _catalog(self) -> tuple[bytes, Token | None]:
        """What is stored; a folder without a catalog is read through."""
        data, token = super()._catalog()
        return (data, token) if token is not None else (b"".join(self._computed_catalog()), None)

    def _computed_catalog(self) -> Iterator[bytes]:
        for name in self.names():
            lines = self.lines(name)
            newest = speaker(lines)
            if newest is not None:
                yield catalog_line(lines, self.manifest(newest)).to_bytes()


def create_directory_registry(name: RegistryName, root: Path) -> DirectoryRegistry:
    """A new, empty registry in the folder `root`.

    Raises:
        UsageProblem: the folder holds something else, or can not be written.
    """
    with disk_errors(root):
        if root.exists() and any(root.iterdir()):
            raise UsageProblem(f"`{root}` is not empty, expected a new folder", hint="choose another folder")
        config = RegistryConfig(id=str(uuid.uuid4()), name=name)
        write_durably(root / CONFIG, config_bytes(config))
    return DirectoryRegistry(name, root)
