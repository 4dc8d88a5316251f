"""Changes of the store: everything is copied beside it first, then all of it becomes visible in one step."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mivactl.content import Content, chunks_of, content_path, write_content
from mivactl.crash_point import crash_point
from mivactl.disk import disk_errors, last_written
from mivactl.ownership import is_abandoned, owned_name
from mivactl.store.commit import Change, PlacedFile
from mivactl.store.plain_files import make_private, open_plain
from mivactl.store.pointer import place_of
from registry_schema.digests import Digest
from registry_schema.errors import IntegrityProblem
from registry_schema.text import Timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from mivactl.store.layout import StoreLayout
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
            if self._judge(staged, content) != "whole":
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
        found = self._judge(staged if linked else target, content)
        if found == "damaged":
            staged.unlink(missing_ok=True)
        if found == "whole" and not linked:
            source = self._copied(target, sources[content.digest])
            write_content(source, staged, content, half="store.blob-half-written")
        elif not linked or found == "damaged":
            _copy(sources[content.digest], staged, content)
        self._files[str(content.digest)] = PlacedFile(content, staged, target, replaces=found == "damaged")
        crash_point("store.blob-staged")

    def _judge(self, path: Path, content: Content) -> Literal["whole", "damaged", "missing"]:
        """What is at `path`; another process may take it away meanwhile."""
        try:
            with open_plain(path, self._layout.root) as file:
                found = Digest.of_stream(file)
        except FileNotFoundError:
            return "missing"
        except IntegrityProblem:
            return "damaged"
        return "whole" if found == content.digest else "damaged"

    def _copied(self, path: Path, otherwise: Iterable[bytes] | Path) -> Iterator[bytes]:
        """The bytes of a file the store has, where it can not get a second name."""
        try:
            with open_plain(path, self._layout.root) as file:
                yield from chunks_of(file)
        except FileNotFoundError:
            yield from _chunks(otherwise)


def _copy(source: Iterable[bytes] | Path, staged: Path, content: Content) -> None:
    """Bring a file to `staged`; one that is on this disk and was checked needs a second name only."""
    if not isinstance(source, os.PathLike) or not _link(source, staged):
        write_content(_chunks(source), staged, content, half="store.blob-half-written")


def _chunks(source: Iterable[bytes] | Path) -> Iterator[bytes]:
    if not isinstance(source, os.PathLike):
        yield from source
        return
    with disk_errors(source), source.open("rb") as file:
        yield from chunks_of(file)


def _link(target: Path, staged: Path) -> bool:
    """A second name for a file the store has, so that nobody's uninstall takes it away meanwhile."""
    try:
        os.link(target, staged, follow_symlinks=False)
    except (OSError, NotImplementedError):
        return False
    return True


def new_staging(layout: StoreLayout) -> Path:
    """A fresh folder for one transaction; its name tells which process has it."""
    staging = layout.staging / owned_name()
    with disk_errors(staging):
        make_private(staging, layout.root)
    return staging


def discard(staging: Path) -> None:
    """Remove what a transaction has copied."""
    shutil.rmtree(staging, ignore_errors=True)


def abandoned_staging(layout: StoreLayout, now: float) -> Iterator[Path]:
    """What processes left behind when they died, at the moment `now` in seconds of the epoch."""
    if not layout.staging.is_dir():
        return
    for staging in layout.staging.iterdir():
        if is_abandoned(staging.name, now - last_written(staging)):
            yield staging
