"""Clips that others made, from a folder: found by the name of the case, taken over, or named with what is wrong."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine.bench.equal_footing import equalled
from engine.bench.run_file import Unusable, clip_place
from engine.bench.scoring import footing_of
from engine.video.clip_reader import CLIP_SUFFIXES, is_clip, read_clip
from engine.video.clip_writer import write_clip
from engine.video.photo import open_photo
from registry_schema.errors import MivaError, NotFound

if TYPE_CHECKING:
    from pathlib import Path

    from engine.bench.run_file import BenchCase, BenchRun

COPIED: Final = ".mp4"


@dataclass(frozen=True)
class TakenOver:
    """What became of a folder: notes about clips that were changed, and clips that could not be used."""

    notes: tuple[str, ...]
    unusable: tuple[Unusable, ...]


def take_over(folder: Path, run: BenchRun, run_folder: Path, *, method: str) -> TakenOver:
    """Put the clips of a folder in their places in a run.

    A clip is looked for under the case's name, under its picture's name in a folder of the group's name, and under
    the picture's name alone: with any suffix of a clip, or as a folder of pictures.

    Args:
        folder: of the clips.
        run: whose cases are looked for.
        run_folder: of that run.
        method: name they are compared under.

    Raises:
        NotFound: there is no such folder.
    """
    if not folder.is_dir():
        raise NotFound(f"no folder `{folder}`", hint=f"`--compare {method}=FOLDER` takes a folder of clips")
    notes, unusable, used = [], [], set()
    for case in run.cases:
        found = _find(folder, case)
        clip_place(run_folder, case.name, method).unlink(missing_ok=True)
        if found is None:
            looked = f"{case.name}{COPIED}"
            unusable.append(Unusable(case=case.name, method=method, reason=f"no clip: `{looked}` is not there"))
            continue
        used.add(found)
        try:
            note = _take(found, case, run, run_folder, method)
        except MivaError as error:
            unusable.append(Unusable(case=case.name, method=method, reason=error.message))
            continue
        notes += [f"{method}, {case.name}: {note}"] if note else []
    strangers = sorted(path.name for path in folder.iterdir() if path not in used and _looks_like_clip(path))
    if strangers:
        shown = ", ".join(f"`{name}`" for name in strangers[:5]) + (", ..." if len(strangers) > 5 else "")
        notes.append(f"{method}: {len(strangers)} clips belong to no case: {shown}")
    return TakenOver(tuple(notes), tuple(unusable))


def _find(folder: Path, case: BenchCase) -> Path | None:
    picture = case.name.removeprefix(f"{case.group}-")
    for stem in (folder / case.name, folder / case.group / picture, folder / picture):
        for suffix in (COPIED, *sorted(CLIP_SUFFIXES - {COPIED})):
            path = stem.with_name(stem.name + suffix)
            if path.is_file():
                return path
        if stem.is_dir() and is_clip(stem):
            return stem
    return None


def _looks_like_clip(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in CLIP_SUFFIXES


def _take(found: Path, case: BenchCase, run: BenchRun, run_folder: Path, method: str) -> str:
    """Copy, or write as MP4 what is something else; returns what differs from the run's footing."""
    photo = open_photo(run_folder / case.photo).size
    footing = footing_of(run, photo)
    clip = read_clip(found)
    equalled(found, footing)
    height, width = clip.frames.shape[1:3]
    differs = []
    if (width, height) != (footing.width, footing.height):
        differs.append(f"{width}x{height}")
    if abs(clip.fps - footing.fps) > 0.01:
        differs.append(f"{clip.fps:.3g} frames a second")
    if abs(clip.seconds - footing.frames / footing.fps) > 0.5 / footing.fps:
        differs.append(f"{clip.seconds:.2f} s")
    target = clip_place(run_folder, case.name, method)
    target.parent.mkdir(parents=True, exist_ok=True)
    if found.suffix.lower() == COPIED:
        fresh = target.with_name(f".{target.name}")
        shutil.copyfile(found, fresh)
        fresh.replace(target)
    else:
        write_clip(clip.sampled(footing.fps), target, fps=footing.fps)
        differs.append(f"written as MP4 from `{found.name}`")
    return ", ".join(differs)
