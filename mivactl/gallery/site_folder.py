"""The folder of a gallery: everything is written aside first, then put in place, pages after what they show.

A reader of the old gallery sees old files or new ones, each of them whole, and no link without its page. Only what a
gallery consists of is ever replaced or removed: other files beside it (`CNAME`, `robots.txt`) stay as they are.
"""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar, Final

from mivactl.crash_point import crash_point
from mivactl.disk import disk_errors, sync_folder, write_durably
from mivactl.file_lock import locked
from registry_schema.document import RootDocument
from registry_schema.errors import IntegrityProblem, MivaError, UsageProblem
from registry_schema.names import RegistryName

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MARKER: Final = "gallery.json"
_OWN_FOLDERS: Final = ("adapters", "page")
_STAGING, _LOCK = ".staging", ".lock"
_SYNCED_AT_ONCE: Final = 32


class GalleryMarker(RootDocument):
    """The content of `gallery.json`: that a folder is a gallery, and of which registry."""

    SCHEMA: ClassVar[str] = "mivactl.gallery/1"
    SOURCE: ClassVar[str] = MARKER

    registry: RegistryName


class StagedSite:
    """Files on their way into a gallery, in the order in which they will be put in place."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paths: dict[str, int] = {}
        self._known_folders: set[Path] = set()

    def add(self, path: str, content: bytes) -> None:
        """One file by its path in the gallery."""
        target = self.folder / path
        if target.parent not in self._known_folders:
            target.parent.mkdir(parents=True, exist_ok=True)
            self._known_folders.add(target.parent)
        target.write_bytes(content)
        self.paths[path] = len(content)


@contextmanager
def site_folder(folder: Path, registry: RegistryName, *, lock_timeout: float) -> Iterator[StagedSite]:
    """A gallery to add files to, which are in `folder` when the block has ended well.

    Raises:
        UsageProblem: the folder holds something else, another registry's gallery, or can not be written.
        Busy: another process is at it.
        ResourceProblem: the disk is full.
    """
    _check_folder(folder, registry)
    with locked(folder / _LOCK, resource=f"gallery `{folder}`", timeout_seconds=lock_timeout), disk_errors(folder):
        # First of all, so that a folder with an interrupted gallery is known for what it is.
        write_durably(folder / MARKER, GalleryMarker(registry=registry).to_bytes())
        staging = folder / _STAGING
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir()
        try:
            staged = StagedSite(staging)
            yield staged
            crash_point("gallery.staged")
            _put_in_place(staged, folder)
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def _check_folder(folder: Path, registry: RegistryName) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UsageProblem(f"`{folder}` is a file, expected a folder", hint="choose another place with `--out FOLDER`")
    here = {path.name for path in folder.iterdir()} - {_LOCK, f"{_LOCK}.holder"}
    if not here:
        return
    try:
        marker = GalleryMarker.parse((folder / MARKER).read_bytes(), source=str(folder / MARKER))
    except (OSError, IntegrityProblem) as error:
        raise UsageProblem(
            f"`{folder}` holds something else than a gallery, expected an empty folder or an earlier gallery",
            hint="choose another place with `--out FOLDER`",
        ) from error
    if marker.registry != registry:
        raise UsageProblem(
            f"`{folder}` holds the gallery of registry `{marker.registry}`, this one is `{registry}`",
            hint="choose another place with `--out FOLDER`",
        )
    linked = next((folder / name for name in _OWN_FOLDERS if (folder / name).is_symlink()), None)
    if linked is not None:
        raise UsageProblem(f"`{linked}` is a link, expected a folder of the gallery", hint=f"remove it: `rm {linked}`")


def _put_in_place(staged: StagedSite, folder: Path) -> None:
    # A disk takes many files at once in little more time than one.
    with ThreadPoolExecutor(_SYNCED_AT_ONCE) as threads:
        list(threads.map(_sync_file, (staged.folder / path for path in staged.paths)))
    known: set[Path] = set()
    for path in staged.paths:
        target = folder / path
        if target.parent not in known:
            _make_folder(target.parent)
            known.add(target.parent)
        (staged.folder / path).replace(target)
        crash_point("gallery.file-placed")
    _remove_stale(staged, folder)
    sync_folder(folder)


def _sync_file(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise MivaError(
            f"`{folder}` is not a folder, expected one of the gallery", hint=f"move `{folder}` away"
        ) from error


def _remove_stale(staged: StagedSite, folder: Path) -> None:
    """Remove what an earlier gallery had and this one has not; innermost first, so that folders are empty by then."""
    kept = {folder / path for path in staged.paths}
    for name in _OWN_FOLDERS:
        for path in sorted((folder / name).rglob("*"), reverse=True):
            if path in kept:
                continue
            if path.is_dir() and not path.is_symlink():
                if not any(path.iterdir()):
                    path.rmdir()
            else:
                path.unlink()
