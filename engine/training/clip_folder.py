"""What lies in a folder of clips or pictures, and the error that names everything in it that can not be used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.masks.training_masks import is_masks
from engine.video.clip_reader import CLIP_SUFFIXES
from registry_schema.errors import NotFound, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# what people keep beside their clips: captions, licences, notes
SIDECAR_SUFFIXES = frozenset({".txt", ".md", ".json", ".toml", ".csv"})


@dataclass(frozen=True)
class ClipFault:
    """Why a file can not be used, and what would help."""

    path: Path
    reason: str
    hint: str | None


class UnusableFiles(UsageProblem):
    """Some files of a folder can not be used; `faults` has one entry for each reason."""

    def __init__(self, faults: Sequence[ClipFault], total: int, *, noun: str, hint: str = "") -> None:
        listed = "; ".join(f"`{fault.path.name}`: {fault.reason}" for fault in faults)
        names = noun if total == 1 else f"{noun}s"
        hints = dict.fromkeys(text for text in (*(fault.hint for fault in faults), hint) if text)
        super().__init__(
            f"{len({fault.path for fault in faults})} of {total} {names} can not be used: {listed}",
            hint="; ".join(hints) or "replace or remove these files",
        )
        self.faults = tuple(faults)


class UnusableClips(UnusableFiles):
    """Some clips can not be used; `faults` names them."""

    def __init__(self, faults: Sequence[ClipFault], total: int, *, hint: str = "") -> None:
        super().__init__(faults, total, noun="clip", hint=hint)


def visible_files(folder: Path, *, what: str) -> list[Path]:
    """What lies in a folder, by name, without hidden files, notes (.txt, .md, .json, .toml, .csv) and masks.

    Raises:
        NotFound: no such folder; `what` says what it should hold.
    """
    if not folder.is_dir():
        raise NotFound(f"`{folder}` is not a folder", hint=f"pass the folder that holds the {what}")
    visible = sorted(path for path in folder.iterdir() if not (path.name.startswith(".") or is_masks(path)))
    return [path for path in visible if path.suffix.lower() not in SIDECAR_SUFFIXES]


def looks_like_a_clip(path: Path) -> bool:
    """Whether something in a folder of clips is one by its suffix; a folder is one of frames."""
    return path.is_dir() or path.suffix.lower() in CLIP_SUFFIXES
