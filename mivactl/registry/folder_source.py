"""A folder as a byte source: immutable files are renamed into place, small ones swapped under a lock."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from mivactl.content import chunks_of, content_of_file, write_content
from mivactl.crash_point import crash_point
from mivactl.disk import disk_errors, require_space, stage_durably, sync_folder
from mivactl.file_lock import locked
from mivactl.ownership import is_abandoned, owned_name
from mivactl.registry.byte_source import SourceChanged, Stored, Token
from registry_schema.digests import Digest
from registry_schema.errors import MivaError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from mivactl.content import Content


class FolderSource:
    """The files below `root`.

    Args:
        lock_timeout: seconds to wait for another process that publishes.
    """

    resumes = True
    compares = True

    def __init__(self, root: Path, *, lock_timeout: float = 60.0) -> None:
        self.root = root
        self._lock_timeout = lock_timeout

    @property
    def place(self) -> str:
        """The folder."""
        return str(self.root)

    def paths(self, folder: str) -> Iterator[str]:
        """See `ListingSource`; sorted, without what is still being written."""
        found = sorted((self.root / folder).rglob("*"))
        return (path.relative_to(self.root).as_posix() for path in found if _is_plain(path))

    def read(self, path: str, *, max_bytes: int) -> Stored | None:
        """See `ByteSource`; raises `MivaError` for a file that can not be read."""
        file_path = self.root / path
        try:
            with file_path.open("rb") as file:
                content = file.read(max_bytes + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise MivaError(f"cannot read `{file_path}`: {error.strerror}", hint="look at its permissions") from error
        return Stored(content, _token(content))

    @contextmanager
    def open(self, path: str, *, offset_bytes: int = 0) -> Iterator[BinaryIO]:
        """See `ByteSource`."""
        with (self.root / path).open("rb") as file:
            file.seek(offset_bytes)
            yield file

    def holds(self, path: str, size_bytes: int) -> bool:
        """See `WritableSource`."""
        target = self.root / path
        return target.is_file() and target.stat().st_size == size_bytes

    def create(self, path: str, content: Content, file: Path) -> None:
        """See `WritableSource`; a file that was damaged is mended."""
        target = self.root / path
        if target.exists() and content_of_file(target, content.label).digest == content.digest:
            return
        require_space(self.root, content.size_bytes)
        self._discard_abandoned()
        staged = self.root / "incoming" / owned_name()
        try:
            with file.open("rb") as source:
                write_content(chunks_of(source), staged, content, half="registry.blob-half-written")
        except FileNotFoundError as error:
            raise MivaError(f"`{file}` disappeared while it was published", hint="run it again") from error
        with disk_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            staged.replace(target)
            sync_folder(target.parent)

    def replace(self, path: str, content: bytes, *, over: Token | None) -> None:
        """See `WritableSource`; raises `Busy` when another process holds the lock for too long."""
        target = self.root / path
        with self._locked(), disk_errors(target):
            self._discard_unfinished(target)
            staged = stage_durably(target, content)
            crash_point("registry.index-staged")
            present = target.read_bytes() if target.exists() else None
            if (None if present is None else _token(present)) != over:
                staged.unlink()
                raise SourceChanged
            staged.replace(target)
            sync_folder(target.parent)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = self.root / ".lock"
        with locked(lock, resource=f"registry `{self.root}`", timeout_seconds=self._lock_timeout):
            yield

    def _discard_unfinished(self, target: Path) -> None:
        """Remove what a killed swap left; under the lock nobody else is swapping."""
        for path in target.parent.glob(f".{target.name}.*"):
            with suppress(OSError):
                path.unlink()

    def _discard_abandoned(self) -> None:
        """Remove what killed uploads left."""
        for path in self.root.glob("incoming/*"):
            if is_abandoned(path.name):
                with suppress(OSError):
                    path.unlink()


def _token(content: bytes) -> Token:
    return Token(str(Digest.of(content)))


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".") and not os.path.islink(path)  # noqa: PTH114
