"""The files a study's server gives out: those that were there when it started, and parts of them by ranges."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from registry_schema.errors import NotFound

if TYPE_CHECKING:
    from pathlib import Path

_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
    ".mp4": "video/mp4",
}
_START: Final = "index.html"
_RANGE: Final = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")


@dataclass(frozen=True)
class ServedFile:
    """A file, its media type and its size in bytes."""

    path: Path
    media_type: str
    size: int


@dataclass(frozen=True)
class Span:
    """A part of a file: its first byte, and how many there are."""

    start: int
    length: int


class UnmetRange(Exception):
    """A range that begins behind the end of its file."""


def served_files(page: Path) -> dict[str, ServedFile]:
    """What may be asked for, by path: an address is looked up here and never becomes a path of the disk.

    Raises:
        NotFound: the folder has no page.
    """
    found = {}
    for parent, folders, names in os.walk(page):
        folders[:] = [name for name in folders if not (page / parent / name).is_symlink()]
        for name in names:
            path = page / parent / name
            media_type = _TYPES.get(path.suffix)
            if media_type is not None and path.is_file() and not path.is_symlink():
                found[f"/{path.relative_to(page).as_posix()}"] = ServedFile(path, media_type, path.stat().st_size)
    if f"/{_START}" not in found:
        raise NotFound(f"`{page}` has no `{_START}`", hint="build the study again: `mivactl study new RUN -o DIR`")
    found["/"] = found[f"/{_START}"]
    return found


def asked_span(header: str | None, size: int) -> Span | None:
    """The part that a `Range` header asks for; None for all of the file, also where the header makes no sense.

    Raises:
        UnmetRange: nothing of the file is in it.

    Source: RFC 9110, 14.1.2 and 14.2; several ranges at once may be answered with the whole.
    """
    found = _RANGE.fullmatch(header.strip()) if header else None
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        length = min(int(last), size)
        if length == 0:
            raise UnmetRange
        return Span(size - length, length)
    start = int(first)
    end = min(int(last), size - 1) if last else size - 1
    if last and int(last) < start:
        return None
    if start >= size:
        raise UnmetRange
    return Span(start, end - start + 1)
