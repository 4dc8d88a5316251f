"""`ClipDataset`: a folder of a few clips of one motion, as windows of frames in the shape of a base."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from engine.training.clip_folder import ClipFault, UnusableClips, visible_files
from engine.training.examined_clip import decode, examine_clip, twin_finding
from engine.video.clip_tensor import to_tensor
from registry_schema.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from jaxtyping import Float
    from torch import Tensor

    from engine.clip_findings import Finding
    from engine.progress import Progress
    from engine.recipe import ClipChoice
    from engine.training.examined_clip import ExaminedClip
    from engine.training.windows import ClipFacts, Window
    from engine.video.clip_reader import Clip
    from registry_schema.clip_shape import ClipShape

LEAVING_OUT = "or train without them: `--leave-out unusable`"


@dataclass(frozen=True)
class TrainingClip:
    """A clip on disk and its windows, earliest first."""

    path: Path
    facts: ClipFacts
    windows: tuple[Window, ...]


@dataclass(frozen=True)
class ClipDataset:
    """Clips in the order of their names, cut for one clip shape.

    Attributes:
        shape: of the base.
        clips: that are trained on.
        left_out: what the recipe allowed to be left out, and was.
    """

    shape: ClipShape
    clips: tuple[TrainingClip, ...]
    left_out: tuple[ClipFault, ...] = ()

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
    """The clips of a folder; every one of them is decoded to its end and examined as `mivactl clips` does.

    What can be used and is doubtful is said in a note. A clip is left out only where `choice.leave_out` names what is
    wrong with it, and that is said too.

    Raises:
        NotFound: no such folder, or nothing in it.
        UnusableClips: a clip can not be used; all of them are named.
    """
    paths = clip_paths(folder)
    kept: list[ExaminedClip] = []
    left_out: list[ClipFault] = []
    faults: list[ClipFault] = []
    with progress.phase("reading clips", len(paths)) as phase:
        for path in paths:
            clip = examine_clip(path, shape, choice, seed=seed)
            twin = twin_finding(clip, kept)
            clip = clip if twin is None else clip.with_finding(twin)
            unwanted = _unwanted(clip.findings, choice.leave_out)
            if unwanted is not None:
                left_out.append(ClipFault(path, unwanted.reason, unwanted.remedy))
            elif not all(finding.usable for finding in clip.findings):
                faults += [ClipFault(path, one.reason, one.remedy) for one in clip.findings if not one.usable]
            else:
                kept.append(clip)
            phase.advance()
    if faults:
        raise UnusableClips(faults, len(paths), hint=LEAVING_OUT)
    if not kept:
        raise UnusableClips(left_out, len(paths))
    _tell(kept, left_out, shape, choice, progress)
    return ClipDataset(shape, tuple(_training_clip(clip) for clip in kept), tuple(left_out))


def clip_paths(folder: Path) -> list[Path]:
    """The clips of a folder, by name: video files, folders of frames, and whatever else is neither hidden nor a note.

    Raises:
        NotFound: no such folder, or nothing in it.
    """
    paths = visible_files(folder, what="clips of one motion")
    if not paths:
        raise NotFound(f"`{folder}` holds no clips", hint="put about ten short clips of one motion into it")
    return paths


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


def _unwanted(findings: Sequence[Finding], leave_out: Sequence[str]) -> Finding | None:
    """The first finding for which a recipe allows a clip to be left out."""
    for finding in findings:
        if finding.kind in leave_out or (not finding.usable and "unusable" in leave_out):
            return finding
    return None


def _training_clip(clip: ExaminedClip) -> TrainingClip:
    if clip.facts is None:
        raise TypeError("a clip that was not decoded has no windows")
    return TrainingClip(clip.path, clip.facts, clip.windows)


def _tell(
    kept: Sequence[ExaminedClip],
    left_out: Sequence[ClipFault],
    shape: ClipShape,
    choice: ClipChoice,
    progress: Progress,
) -> None:
    """Says what is trained on, what was left out, what is doubtful, and where a motion does not keep its speed."""
    windows = sum(len(clip.windows) for clip in kept)
    seconds = shape.frames / shape.fps
    progress.note(f"{_counted(len(kept), 'clip')}, {_counted(windows, 'window')} of {seconds:.2f} s")
    for fault in left_out:
        progress.note(f"left out: `{fault.path.name}`: {fault.reason}")
    for clip in kept:
        for finding in clip.findings:
            progress.note(f"`{clip.path.name}`: {finding.kind}: {finding.reason}; {finding.remedy}")
    if choice.speed == "stride":
        speeds = [window.seconds(clip.facts) for clip in kept if clip.facts for window in clip.windows]
        shown = (shape.frames - 1) / shape.fps
        progress.note(
            f"`clips.speed=stride` changes speeds: {min(speeds):.2f} to {max(speeds):.2f} s of the clips are shown "
            f"in {shown:.2f} s, {min(speeds) / shown:.2g} to {max(speeds) / shown:.2g} times as fast"
        )


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
