"""Which photos are animated, and where each clip goes."""

from __future__ import annotations

import glob
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from registry_schema.errors import NotFound, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PHOTO_SUFFIXES: Final = frozenset(
    [
        ".jpg",
        ".jpeg",
        ".jpe",
        ".png",
        ".webp",
        ".avif",
        ".tif",
        ".tiff",
        ".gif",
        ".bmp",
        ".jp2",
        ".ppm",
        ".heic",
        ".heif",
    ]
)
CLIP_SUFFIXES: Final = (".mp4", ".webm", ".gif", ".webp", ".apng", ".png")
DEFAULT_SUFFIX: Final = ".mp4"
_LONGEST_STEM: Final = 120


@dataclass(frozen=True)
class PhotoJob:
    """One photo, and what its clip is written to: files, and folders of PNG frames for names without a suffix."""

    photo: Path
    outputs: tuple[Path, ...]


def photo_jobs(photos: Sequence[str], outputs: Sequence[str], *, adapters: Sequence[str]) -> tuple[PhotoJob, ...]:
    """One job for each photo that `photos` means.

    Args:
        photos: files, folders, and patterns such as `*.jpg`.
        outputs: files; folders to put files of default names into, if they are there or end in `/`; for a single
            photo, other names without a suffix are folders of PNG frames. None: the current folder.
        adapters: names, for the default name `<photo>-<adapters>.mp4`.

    Raises:
        NotFound: a pattern or a folder without photos.
        UsageProblem: a file as the output of several photos, or a format nobody writes.
    """
    paths = photo_paths(photos)
    name = "+".join(adapters)
    stems = _different(path.stem for path in paths)
    if not outputs:
        outputs = ["."]
    targets = [_target(text, several=len(paths) > 1) for text in outputs]
    return tuple(
        PhotoJob(path, tuple(_place(folder, file, f"{stem}-{name}") for folder, file in targets))
        for path, stem in zip(paths, stems, strict=True)
    )


def photo_paths(photos: Sequence[str]) -> tuple[Path, ...]:
    """The files that `photos` means, each once.

    Raises:
        NotFound: a pattern or a folder without photos.
    """
    return tuple(dict.fromkeys(path for text in photos for path in _paths(text)))


def _paths(text: str) -> list[Path]:
    path = Path(text)
    if path.is_dir():
        found = sorted(entry for entry in path.iterdir() if _is_photo(entry))
        if not found:
            raise NotFound(f"folder `{text}` holds no photo", hint=f"photos end in {', '.join(sorted(PHOTO_SUFFIXES))}")
        return found
    if path.exists() or not glob.has_magic(text):
        return [path]
    found = sorted(Path(entry) for entry in glob.glob(text, recursive=True) if Path(entry).is_file())  # noqa: PTH207 - `Path.glob` takes no absolute patterns
    if not found:
        raise NotFound(f"no file matches `{text}`", hint="look at what is there: `ls`")
    return found


def _is_photo(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in PHOTO_SUFFIXES and not path.name.startswith(".")


def _different(stems: Iterable[str]) -> list[str]:
    """The stems, numbered from the second of each on: `a`, `b`, `a-2`."""
    seen: dict[str, int] = {}
    names = []
    for stem in stems:
        count = seen[stem] = seen.get(stem, 0) + 1
        names.append(stem[:_LONGEST_STEM] if count == 1 else f"{stem[:_LONGEST_STEM]}-{count}")
    return names


def _target(text: str, *, several: bool) -> tuple[Path, str | None]:
    """A folder, and the name in it or None for the default name."""
    path = Path(text)
    suffix = path.suffix.lower()
    into = text.endswith(("/", "\\")) or (path.is_dir() and not _holds_frames(path)) or (several and not suffix)
    if into:
        return path, None
    if suffix and suffix not in CLIP_SUFFIXES:
        known = ", ".join(f"`{one}`" for one in CLIP_SUFFIXES)
        raise UsageProblem(
            f"output `{text}` has no suffix of a clip, expected one of {known}", hint=f"pass `-o {path.stem}.mp4`"
        )
    if several:
        raise UsageProblem(f"output `{text}` is one file for several photos", hint="pass a folder: `-o clips/`")
    return path.parent, path.name


def _holds_frames(folder: Path) -> bool:
    """Whether a folder is a clip by itself: frames and nothing else."""
    return bool(names := list(folder.iterdir())) and set(names) == set(folder.glob("frame-*.png"))


def _place(folder: Path, file: str | None, stem: str) -> Path:
    return folder / (file if file is not None else stem + DEFAULT_SUFFIX)
