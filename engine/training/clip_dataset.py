"""`ClipDataset`: a folder of a few clips of one motion, as windows of frames in the shape of a base."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from engine.masks.training_masks import is_masks
from engine.training.durable import file_digest
from engine.training.windows import ClipFacts, Window, WindowProblem, windows_of
from engine.video.clip_reader import CLIP_SUFFIXES, read_clip
from engine.video.clip_tensor import to_tensor
from registry_schema.errors import MivaError, NotFound, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jaxtyping import Float
    from torch import Tensor

    from engine.progress import Progress
    from engine.recipe import ClipChoice
    from engine.video.clip_reader import Clip
    from registry_schema.clip_shape import ClipShape

# what people keep beside their clips: captions, licences, notes
SIDECAR_SUFFIXES = frozenset({".txt", ".md", ".json", ".toml", ".csv"})


# frames are shrunk to this many times the base's longer side as they are decoded: memory for clips of any size
DECODED_SIDES = 4


@dataclass(frozen=True)
class ClipFault:
    """Why a clip can not be used, and what would help."""

    path: Path
    reason: str
    hint: str | None


class UnusableClips(UsageProblem):
    """Some clips can not be used; `faults` has one entry for each."""

    def __init__(self, faults: tuple[ClipFault, ...], total: int) -> None:
        listed = "; ".join(f"`{fault.path.name}`: {fault.reason}" for fault in faults)
        noun = "clip" if total == 1 else "clips"
        hints = dict.fromkeys(fault.hint for fault in faults if fault.hint)
        super().__init__(
            f"{len(faults)} of {total} {noun} can not be used: {listed}",
            hint="; ".join(hints) or "replace or remove these files",
        )
        self.faults = faults


@dataclass(frozen=True)
class TrainingClip:
    """A clip on disk and its windows, earliest first."""

    path: Path
    facts: ClipFacts
    windows: tuple[Window, ...]


@dataclass(frozen=True)
class ClipDataset:
    """Clips in the order of their names, cut for one clip shape."""

    shape: ClipShape
    clips: tuple[TrainingClip, ...]

    @property
    def digest(self) -> str:
        """Changes with any clip and with any window taken from one."""
        text = repr([(clip.facts.digest, clip.windows) for clip in self.clips]) + repr(self.shape)
        return "sha256:" + hashlib.sha256(text.encode()).hexdigest()

    def pixels(self, clip: TrainingClip) -> Iterator[Float[Tensor, "3 f h w"]]:
        """The windows of a clip, decoded once."""
        decoded = decode(clip.path, self.shape)
        for window in clip.windows:
            yield window_pixels(decoded, window, self.shape)


def open_clips(folder: Path, shape: ClipShape, choice: ClipChoice, *, seed: int, progress: Progress) -> ClipDataset:
    """The clips of a folder; every one of them is decoded to its end.

    Raises:
        NotFound: no such folder, or nothing in it.
        UnusableClips: a clip can not be read or is too short; all of them are named.
    """
    paths = clip_paths(folder)
    clips: list[TrainingClip] = []
    faults: list[ClipFault] = []
    with progress.phase("reading clips", len(paths)) as phase:
        for path in paths:
            try:
                facts = clip_facts(path, shape)
                clips.append(TrainingClip(path, facts, windows_of(facts, shape, choice, seed=seed)))
            except WindowProblem as problem:
                faults.append(ClipFault(path, problem.reason, problem.hint))
            except MivaError as problem:
                # the file is named once, in front of all that is said about it
                reason = problem.message.replace(f"clip `{path.name}`", "it", 1)
                faults.append(ClipFault(path, reason, problem.hint))
            phase.advance()
    if faults:
        raise UnusableClips(tuple(faults), len(paths))
    return ClipDataset(shape, tuple(clips))


def clip_paths(folder: Path) -> list[Path]:
    """The clips of a folder, by name: video files and folders of frames.

    Hidden files, notes (.txt, .md, .json, ...) and the folder of masks are not clips; any other file is refused rather
    than skipped.
    """
    if not folder.is_dir():
        raise NotFound(f"`{folder}` is not a folder", hint="pass the folder that holds the clips of one motion")
    visible = sorted(path for path in folder.iterdir() if not path.name.startswith(".") and not is_masks(path))
    paths = [path for path in visible if path.suffix.lower() not in SIDECAR_SUFFIXES]
    unknown = [path for path in paths if not (path.is_dir() or path.suffix.lower() in CLIP_SUFFIXES)]
    if unknown:
        reason = f"it is no clip, expected {', '.join(sorted(CLIP_SUFFIXES))} or a folder of frames"
        raise UnusableClips(tuple(ClipFault(path, reason, None) for path in unknown), len(paths))
    if not paths:
        raise NotFound(f"`{folder}` holds no clips", hint="put about ten short clips of one motion into it")
    return paths


def decode(path: Path, shape: ClipShape) -> Clip:
    """All frames of a clip, large ones shrunk to what `shape` can use."""
    return read_clip(path, long_side=DECODED_SIDES * max(shape.height, shape.width))


def clip_facts(path: Path, shape: ClipShape) -> ClipFacts:
    """What the windows of a clip are computed from; decodes it to its end."""
    clip = decode(path, shape)
    _, height, width, _ = clip.frames.shape
    return ClipFacts(clip_digest(path), tuple(float(time) for time in clip.times), height, width)


def clip_digest(path: Path) -> str:
    """The digest of a clip's bytes; of names and bytes for a folder of frames."""
    if path.is_file():
        return file_digest(path)
    parts = [f"{file.name}:{file_digest(file)}" for file in sorted(path.iterdir()) if file.is_file()]
    return "sha256:" + hashlib.sha256("\n".join(parts).encode()).hexdigest()


def window_pixels(clip: Clip, window: Window, shape: ClipShape) -> Float[Tensor, "3 f h w"]:
    """The frames of a window at the size of `shape`, in [-1, 1].

    Each pixel is the mean of the area it covers; only where a clip is smaller than the base is it interpolated.
    """
    left, top, width, height = window.crop
    smaller = width < shape.width
    kernel = Image.Resampling.BICUBIC if smaller else Image.Resampling.BOX
    box = (left, top, left + width, top + height)
    # a frame that is shown twice is resized once
    resized = {
        index: np.asarray(Image.fromarray(clip.frames[index]).resize((shape.width, shape.height), kernel, box=box))
        for index in set(window.frames)
    }
    return to_tensor(np.stack([resized[index] for index in window.frames]))
