"""A registry that is put in place of an earlier one: for what is not released yet, since published versions stay."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mivactl.registry.directory import DirectoryRegistry, create_directory_registry
from mivactl.registry.registry import STARTER
from mivactl.registry.static import CATALOG
from registry_schema.catalog import with_line
from registry_schema.names import AdapterName

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path


@contextmanager
def replaced(registry: Path, *, without: Collection[str]) -> Iterator[Path]:
    """A copy to publish into, which takes the place of `registry` when the block ends well.

    Args:
        registry: folder of a registry, or of none yet.
        without: names in the namespace `miva` that are left out, with all that belongs to them alone.
    """
    fresh, old = registry.with_name(f"{registry.name}.new"), registry.with_name(f"{registry.name}.old")
    for leftover in (fresh, old):
        shutil.rmtree(leftover, ignore_errors=True)
    _copy(registry, fresh, without={f"miva/{name}" for name in without})
    yield fresh
    (fresh / ".lock").unlink(missing_ok=True)
    for folder in (".lock.token", "incoming"):
        shutil.rmtree(fresh / folder, ignore_errors=True)
    if registry.exists():
        registry.rename(old)
    fresh.rename(registry)
    shutil.rmtree(old, ignore_errors=True)


def _copy(registry: Path, fresh: Path, *, without: Collection[str]) -> None:
    if not (registry / "config.json").exists():
        create_directory_registry(STARTER, fresh)
        return
    source = DirectoryRegistry(STARTER, registry)
    paths = {registry / "config.json"}
    for name in source.names():
        if name in without:
            continue
        paths.add(source.index_path(name))
        for line in source.lines(name):
            paths.add(source.manifest_path(line.manifest.digest))
            paths.update(source.blob_path(entry.digest) for entry in source.manifest(line).files)
    for path in paths:
        target = fresh / path.relative_to(registry)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
    if (registry / CATALOG).exists():
        (fresh / CATALOG).write_bytes(_catalog(registry / CATALOG, without))


def _catalog(path: Path, without: Collection[str]) -> bytes:
    content = path.read_bytes()
    for name in without:
        content = with_line(content, AdapterName(name), None, source=str(path))
    return content
