"""Files named by the sha256 of their bytes: where they lie, and how their bytes are copied and checked."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mivactl.crash_point import CrashPoint, crash_point
from mivactl.disk import disk_errors
from registry_schema.digests import Digest
from registry_schema.errors import IntegrityProblem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from io import BufferedWriter
    from typing import BinaryIO

_CHUNK_BYTES: Final = 1 << 20
_READ_ONLY: Final = 0o444


@dataclass(frozen=True)
class Content:
    """What a file must hold.

    Attributes:
        label: what to call it in a message, for example `miva/waterfall 1.0.0: adapter.safetensors`.
    """

    digest: Digest
    size_bytes: int
    label: str


def content_path(folder: Path, digest: Digest) -> Path:
    """Where the file with `digest` lies under `folder`: `sha256/<2 hex>/<62 hex>`."""
    return folder / "sha256" / digest.hex[:2] / digest.hex[2:]


def chunks_of(stream: BinaryIO) -> Iterator[bytes]:
    """The bytes of `stream`, a megabyte at a time."""
    while chunk := stream.read(_CHUNK_BYTES):
        yield chunk


def content_of_file(path: Path, label: str) -> Content:
    """Digest and size of a file."""
    with path.open("rb") as file:
        return Content(Digest.of_stream(file), file.tell(), label)


def write_content(chunks: Iterable[bytes], target: Path, content: Content, *, half: CrashPoint) -> None:
    """Write `chunks` to the new file `target`, hashing on the way; it is on the disk and read-only afterwards.

    Raises:
        IntegrityProblem: the bytes are not what `content` says; `target` is gone again.
    """
    with disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        file = target.open("xb")
    try:
        with file:
            _write_checked(_announced(chunks, half), file, content)
            with disk_errors(target):
                file.flush()
                os.fsync(file.fileno())
        target.chmod(_READ_ONLY)
    except BaseException:
        with suppress(OSError):
            target.unlink()
        raise


def _announced(chunks: Iterable[bytes], half: CrashPoint) -> Iterator[bytes]:
    """The same bytes; a test can end the process when the first half of a chunk is written."""
    for chunk in chunks:
        middle = len(chunk) // 2
        yield chunk[:middle]
        crash_point(half)
        yield chunk[middle:]


def _write_checked(chunks: Iterable[bytes], file: BufferedWriter, content: Content) -> None:
    hasher = hashlib.sha256()
    written_bytes = 0
    for chunk in chunks:
        written_bytes += len(chunk)
        if written_bytes > content.size_bytes:
            raise IntegrityProblem(
                f"{content.label}: more than the `{content.size_bytes}` bytes its manifest states",
                hint="the registry's copy is damaged; tell its owner, or take another version",
            )
        hasher.update(chunk)
        with disk_errors(Path(file.name)):
            file.write(chunk)
    _check(content, f"sha256:{hasher.hexdigest()}", written_bytes)


def _check(content: Content, digest: str, size_bytes: int) -> None:
    if size_bytes != content.size_bytes:
        raise IntegrityProblem(
            f"{content.label}: `{size_bytes}` bytes, its manifest states `{content.size_bytes}`",
            hint="the registry's copy is damaged; tell its owner, or take another version",
        )
    if digest != str(content.digest):
        raise IntegrityProblem(
            f"{content.label}: digest is `{digest}`, its manifest states `{content.digest}`",
            hint="the file changed after publishing; do not use it, take another version",
        )
