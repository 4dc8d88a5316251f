"""The pictures of a suite in a person's folders: `<group>/<picture>`, with a mask and a real clip beside where known.

Free of torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from registry_schema.errors import NotFound

if TYPE_CHECKING:
    from pathlib import Path

    from engine.bench.suite import Group, Suite

PHOTO_SUFFIXES: Final = (".jpg", ".jpeg", ".png", ".webp", ".avif", ".tif", ".tiff", ".bmp")
CLIP_SUFFIXES: Final = (".mp4", ".mov", ".webm", ".mkv", ".gif", ".apng")
MASK, REFERENCE = ".mask", ".real"


@dataclass(frozen=True)
class FoundPicture:
    """A picture, and what lies beside it: `<stem>.mask.png`, `<stem>.real.mp4`."""

    photo: Path
    mask: Path | None
    reference: Path | None


@dataclass(frozen=True)
class FoundGroup:
    """The pictures of a group, and what is to be said about their number."""

    group: Group
    pictures: tuple[FoundPicture, ...]
    note: str = ""


def find_pictures(suite: Suite, folder: Path, *, most: int | None = None) -> tuple[FoundGroup, ...]:
    """The pictures of every group that has some.

    Args:
        suite: whose groups are folders.
        folder: that holds them.
        most: pictures of each group, if less than the suite's.

    Raises:
        NotFound: no folder, or no group with a picture.
    """
    if not folder.is_dir():
        raise NotFound(f"no folder `{folder}`", hint=f"it holds one folder each: {_names(suite)}")
    found = tuple(_group(group, folder / group.name, most=most) for group in suite.groups)
    if not any(entry.pictures for entry in found):
        raise NotFound(f"`{folder}` holds no picture of suite `{suite.name}`", hint=f"its folders are {_names(suite)}")
    return found


def _names(suite: Suite) -> str:
    return ", ".join(f"`{group.name}`" for group in suite.groups)


def _group(group: Group, folder: Path, *, most: int | None) -> FoundGroup:
    if not folder.is_dir():
        return FoundGroup(group, (), f"{group.name}: no folder `{folder.name}`, hence not in this run")
    photos = sorted(path for path in folder.iterdir() if _is_photo(path))
    limit = min(group.most, most or group.most)
    note = ""
    if len(photos) > limit:
        note = f"{group.name}: the first {limit} of {len(photos)} pictures, by name"
    elif len(photos) < group.least:
        note = f"{group.name}: {len(photos)} pictures, the suite has {group.least} to {group.most}"
    return FoundGroup(group, tuple(_picture(path) for path in photos[:limit]), note)


def _is_photo(path: Path) -> bool:
    hidden = path.name.startswith(".") or path.stem.endswith((MASK, REFERENCE))
    return path.is_file() and path.suffix.lower() in PHOTO_SUFFIXES and not hidden


def _picture(photo: Path) -> FoundPicture:
    masks = [photo.with_name(f"{photo.stem}{MASK}{suffix}") for suffix in PHOTO_SUFFIXES]
    clips = [photo.with_name(f"{photo.stem}{REFERENCE}{suffix}") for suffix in CLIP_SUFFIXES]
    return FoundPicture(
        photo,
        next((path for path in masks if path.is_file()), None),
        next((path for path in clips if path.is_file()), None),
    )
