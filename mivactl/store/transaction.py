"""Changes of the store: everything is copied beside it first, then all of it becomes visible in one step."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mivactl.content import Content, chunks_of, content_of_file, content_path, write_content
from mivactl.crash_point import crash_point
from mivactl.disk import disk_errors
from mivactl.ownership import is_abandoned, owned_name
from mivactl.store.commit import Change, PlacedFile
from mivactl.store.pointer import place_of
from registry_schema.text import Timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from mivactl.store.layout import StoreLayout
    from registry_schema.digests import Digest
    from registry_schema.index import IndexLine
    from registry_schema.names import RegistryName


@dataclass(frozen=True)
class NewBuild:
    """A build to install: its line, its registry, its manifest and its other files."""

    line: IndexLine
    registry: RegistryName
    manifest: Content
    files: tuple[Content, ...]


class Transaction:
    """What one change of the store will do; nothing of it can be seen before `Store.transaction` ends.

    Made by `Store.transaction`.
    """

    def __init__(self, layout: StoreLayout, staging: Path) -> None:
        self._layout = layout
        self._staging = staging
        self._files: dict[str, PlacedFile] = {}
        self._builds: dict[str, NewBuild] = {}
        self._removed: list[str] = []

    def add(self, build: NewBuild, sources: Mapping[Digest, Iterable[bytes] | Path]) -> None:
        """Install `build`; `sources` are its files, read only where the store does not have them.

        Args:
            sources: bytes, or the path of a checked file on the disk of the store.

        Raises:
            IntegrityProblem: bytes that are not what the manifest states.
            ResourceProblem: the disk is full.
        """
        self._stage(self._layout.manifests, build.manifest, sources)
        for content in build.files:
            self._stage(self._layout.blobs, content, sources)
        self._builds[place_of(build.line)] = build

    def has(self, content: Content) -> bool:
        """Whether the store has a file of a build whole; it then is there for this change, whoever removes it."""
        if str(content.digest) not in self._files:
            target = content_path(self._layout.blobs, content.digest)
            staged = self.staged_path(content)
            if not _link(target, staged):
                return False
            if _is_damaged(staged, content):
                staged.unlink()
                return False
            self._files[str(content.digest)] = PlacedFile(content, staged, target, replaces=False)
        return True

    def remove(self, place: str) -> None:
        """Uninstall the build whose pointer is at `place`."""
        self._removed.append(place)

    def staged_path(self, content: Content) -> Path:
        """Where the checked copy of a file lies until the change is made."""
        return self._staging / content.digest.hex

    def change(self) -> Change:
        """All of it, ready to be carried out under the lock."""
        crash_point("store.all-staged")
        return Change(
            files=tuple(self._files.values()),
            builds=tuple(self._builds.values()),
            removed=tuple(self._removed),
            time=Timestamp.now(),
        )

    def _stage(self, folder: Path, content: Content, sources: Mapping[Digest, Iterable[bytes] | Path]) -> None:
        if str(content.digest) in self._files:
            return
        target = content_path(folder, content.digest)
        staged = self.staged_path(content)
        linked = _link(target, staged)
        damaged = _is_damaged(staged if linked else target, content)
        if damaged:
            staged.unlink(missing_ok=True)
        if damaged or not linked:
            _copy(sources[content.digest], staged, content)
        self._files[str(content.digest)] = PlacedFile(content, staged, target, replaces=damaged)
        crash_point("store.blob-staged")


def _copy(source: Iterable[bytes] | Path, staged: Path, content: Content) -> None:
    """Bring a file to `staged`; one that is on this disk and was checked needs a second name only."""
    if not isinstance(source, os.PathLike):
        write_content(source, staged, content, half="store.blob-half-written")
    elif not _link(source, staged):
        with disk_errors(source), source.open("rb") as file:
            write_content(chunks_of(file), staged, content, half="store.blob-half-written")


def _is_damaged(path: Path, content: Content) -> bool:
    """Whether a file is there and holds something else; another process may take it away meanwhile."""
    try:
        found = content_of_file(path, content.label)
    except FileNotFoundError:
        return False
    return found.digest != content.digest or found.size_bytes != content.size_bytes


def _link(target: Path, staged: Path) -> bool:
    """A second name for a file the store has, so that nobody's uninstall takes it away meanwhile."""
    try:
        staged.parent.mkdir(parents=True, exist_ok=True)
        os.link(target, staged)
    except OSError:
        return False
    return True


def new_staging(layout: StoreLayout) -> Path:
    """A fresh folder for one transaction; its name tells which process has it."""
    staging = layout.staging / owned_name()
    with disk_errors(staging):
        staging.mkdir(parents=True)
    return staging


def discard(staging: Path) -> None:
    """Remove what a transaction has copied."""
    shutil.rmtree(staging, ignore_errors=True)


def discard_abandoned(layout: StoreLayout) -> None:
    """Remove what processes of this machine left behind when they died."""
    if not layout.staging.is_dir():
        return
    for staging in layout.staging.iterdir():
        if is_abandoned(staging.name):
            discard(staging)
