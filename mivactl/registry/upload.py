"""Publishing into a directory registry: files first, the manifest next, the index last; nothing is ever changed."""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mivactl.content import Content, chunks_of, content_of_file, content_path, write_content
from mivactl.crash_point import crash_point
from mivactl.disk import disk_errors, require_space, stage_durably, sync_folder, write_durably
from mivactl.file_lock import locked
from mivactl.registry.registry import STARTER
from registry_schema.digests import Digest
from registry_schema.errors import Busy, MivaError, Refused
from registry_schema.index import IndexLine, write_index
from registry_schema.names import HOME_NAMESPACE
from registry_schema.text import Timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mivactl.registry.directory import DirectoryRegistry
    from registry_schema.manifest import Manifest


@dataclass(frozen=True)
class Upload:
    """What publishing did: the line that stands in the index now, and whether it is new."""

    line: IndexLine
    is_new: bool


def upload(
    registry: DirectoryRegistry, manifest: Manifest, files: Mapping[Digest, Path], *, lock_timeout: float
) -> Upload:
    """Add a build to `registry`; the same build again changes nothing.

    Args:
        files: the files of the manifest by digest.
        lock_timeout: seconds to wait for another process that publishes.

    Raises:
        Busy: the registry has other bytes under the same name, version, base and mask; or another process is at it.
        Refused: the registry may not be written, or may not have this namespace.
        ResourceProblem: the disk is full.
    """
    _check_allowed(registry, manifest)
    lock = registry.root / ".lock"
    with locked(lock, resource=f"registry `{registry.root}`", timeout_seconds=lock_timeout):
        lines = registry.lines(manifest.name)
        taken = next((line for line in lines if line.key == manifest.key), None)
        if taken is not None:
            return _already_there(registry, taken, manifest)
        _discard_abandoned(registry)
        with disk_errors(registry.root):
            return _add(registry, manifest, files, lines)


def _check_allowed(registry: DirectoryRegistry, manifest: Manifest) -> None:
    config = registry.config()
    if not registry.writable:
        raise Refused(
            f"registry `{registry.name}` is read-only", hint="choose another one: `mivactl registry list` shows them"
        )
    if manifest.name.namespace == HOME_NAMESPACE and config.name != STARTER:
        raise Refused(
            f"`{manifest.name}` is in the namespace `{HOME_NAMESPACE}`, which is kept for the adapters mivactl brings",
            hint=f'write `name = "my/{manifest.name.name}"` in release.toml',
        )


def _already_there(registry: DirectoryRegistry, taken: IndexLine, manifest: Manifest) -> Upload:
    published = registry.manifest(taken)
    # The moment of publishing is the one thing that may differ between two uploads of one build.
    if manifest.model_copy(update={"created": published.created}).to_bytes() == published.to_bytes():
        return Upload(taken, is_new=False)
    raise Busy(
        f"`{manifest.name}` {manifest.key.tag} is in registry `{registry.name}` already, with other content",
        hint="published versions never change: raise `version` in release.toml",
    )


def _add(
    registry: DirectoryRegistry, manifest: Manifest, files: Mapping[Digest, Path], lines: tuple[IndexLine, ...]
) -> Upload:
    require_space(registry.root, sum(entry.size for entry in manifest.files))
    for entry in manifest.files:
        _put_blob(registry, Content(entry.digest, entry.size, str(entry.path)), files[entry.digest])
        crash_point("registry.blob-placed")
    content = manifest.to_bytes()
    write_durably(registry.manifest_path(Digest.of(content)), content, mode=0o444)
    crash_point("registry.manifest-placed")
    line = IndexLine.for_manifest(manifest, published=Timestamp.now())
    index = registry.index_path(manifest.name)
    staged = stage_durably(index, write_index((*lines, line)))
    crash_point("registry.index-staged")
    staged.replace(index)
    sync_folder(index.parent)
    crash_point("registry.index-placed")
    return Upload(line, is_new=True)


def _put_blob(registry: DirectoryRegistry, content: Content, source: Path) -> None:
    target = content_path(registry.root / "blobs", content.digest)
    if target.exists() and content_of_file(target, content.label).digest == content.digest:
        return
    staged = registry.root / "incoming" / secrets.token_hex(8)
    try:
        with source.open("rb") as file:
            write_content(chunks_of(file), staged, content, half="registry.blob-half-written")
    except FileNotFoundError as error:
        raise MivaError(f"`{source}` disappeared while it was published", hint="run it again") from error
    target.parent.mkdir(parents=True, exist_ok=True)
    staged.replace(target)
    sync_folder(target.parent)


def _discard_abandoned(registry: DirectoryRegistry) -> None:
    """Remove what a killed upload left; under the lock nobody else is writing."""
    leftovers = [*registry.root.glob("incoming/*"), *registry.root.glob("index/*/.*.jsonl.*")]
    for path in leftovers:
        with suppress(OSError):
            path.unlink()
