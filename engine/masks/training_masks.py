"""Masks of training clips: where they lie beside the clips, and that there is one for each frame.

| place | what |
|---|---|
| `CLIPS/gull.mp4` | a clip |
| `CLIPS/masks/gull.apng` | its masks, one frame for each of the clip's; any clip format will do |
| `CLIPS/masks/gull/` | or a folder of pictures, in the order of the numbers in their names |
| `CLIPS/masks/gull.preview.webp` | what `mivactl mask --preview` shows; not read |
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from torch.nn import functional as F

from engine.mask_requests import MASKS_FOLDER
from engine.masks.flaws import FLAW_HINTS, FLAW_WORDS, flaw_of
from engine.progress import SilentProgress
from engine.video.clip_reader import is_clip, read_clip
from engine.video.photo import open_photo
from engine.video.picture_decoder import folder_pictures
from registry_schema.errors import IntegrityProblem, MivaError, NotFound, UsageProblem

if TYPE_CHECKING:
    from pathlib import Path

    from jaxtyping import Float
    from numpy.typing import NDArray
    from torch import Tensor

    from engine.progress import Progress

PREVIEW: Final = ".preview"
WRITTEN: Final = ".apng"
CHECKED_LONG_SIDE: Final = 256
"""Pixels at which masks are looked at when they are checked."""
SAME_ASPECT: Final = 0.02
MAKE: Final = "`mivactl mask CLIPS/ --for NAME` makes masks"


@dataclass(frozen=True)
class MaskFault:
    """What is wrong with the masks of a clip, and what would help."""

    clip: Path
    reason: str
    hint: str


class UnusableMasks(UsageProblem):
    """Masks of some clips can not be used; `faults` has one entry for each."""

    def __init__(self, faults: tuple[MaskFault, ...], total: int) -> None:
        listed = "; ".join(f"`{fault.clip.name}`: {fault.reason}" for fault in faults)
        noun = "clip has" if total == 1 else "clips have"
        hints = "; ".join(dict.fromkeys(fault.hint for fault in faults))
        super().__init__(f"{len(faults)} of {total} {noun} no masks that can be used: {listed}", hint=hints)
        self.faults = faults


@dataclass(frozen=True)
class ClipMask:
    """The masks of one clip on disk: a clip themselves, or a folder of pictures."""

    clip: Path
    path: Path

    def read(self, size: tuple[int, int] | None = None, *, long_side: int | None = None) -> Float[Tensor, "f h w"]:
        """One mask in 0..1 for each frame, at `size` (width, height), or at their own.

        Args:
            size: that of the frames they are for, as they were decoded.
            long_side: masks are shrunk to it while they are read, where `size` is left out.

        Raises:
            NotFound, UsageProblem, IntegrityProblem, ResourceProblem: as `read_clip` and `open_photo`.
        """
        masks = torch.from_numpy(_levels(self.path, long_side=max(size) if size else long_side))
        if size is None or masks.shape[1:] == (size[1], size[0]):
            return masks
        return F.interpolate(masks[None], size=(size[1], size[0]), mode="bilinear", antialias=True)[0].clamp(0, 1)


def masked_clips(folder: Path) -> list[Path]:
    """The clips of a folder, by name, its masks aside; raises NotFound where there are none."""
    if not folder.is_dir():
        raise NotFound(f"`{folder}` is not a folder", hint="pass the folder that holds the clips of one motion")
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith(".") and not is_masks(entry))
    clips = [entry for entry in entries if is_clip(entry)]
    if not clips:
        raise NotFound(f"`{folder}` holds no clips", hint="put about ten short clips of one motion into it")
    return clips


def is_masks(path: Path) -> bool:
    """Whether something in a folder of clips is the folder of their masks, and so no clip."""
    return path.name == MASKS_FOLDER and path.is_dir()


def place_of_masks(clip: Path) -> Path:
    """Where `mivactl mask` writes the masks of a clip."""
    return clip.parent / MASKS_FOLDER / f"{clip.stem}{WRITTEN}"


def mask_of(clip: Path) -> Path | None:
    """The masks that lie beside a clip, if there are any."""
    folder = clip.parent / MASKS_FOLDER
    entries = sorted(folder.iterdir()) if folder.is_dir() else []
    named = [entry for entry in entries if (entry.name if entry.is_dir() else entry.stem) == clip.stem]
    return next((entry for entry in named if is_clip(entry)), None)


def read_training_masks(folder: Path, progress: Progress | None = None) -> dict[Path, ClipMask]:
    """The masks of all clips of a folder, by clip; each is looked at once, and read when it is needed.

    Raises:
        NotFound: no such folder, or no clips in it.
        UnusableMasks: a clip without masks, or with too few, too many, of another shape, empty, full or inverted ones;
            all of them are named.
    """
    clips = masked_clips(folder)
    shared = {stem for stem, count in Counter(clip.stem for clip in clips).items() if count > 1}
    masks: dict[Path, ClipMask] = {}
    faults: list[MaskFault] = []
    with (progress or SilentProgress()).phase("checking masks", len(clips)) as phase:
        for clip in clips:
            path = mask_of(clip)
            if clip.stem in shared:
                faults.append(MaskFault(clip, "another clip has the same name", "give each clip a name of its own"))
            elif path is None:
                faults.append(MaskFault(clip, f"nothing called `{MASKS_FOLDER}/{clip.stem}` is there", MAKE))
            else:
                masks[clip] = ClipMask(clip, path)
                faults.extend(faults_of(masks[clip]))
            phase.advance()
    if faults:
        raise UnusableMasks(tuple(faults), len(clips))
    return masks


def faults_of(mask: ClipMask) -> tuple[MaskFault, ...]:
    """What is wrong with the masks of one clip: nothing, or the first thing that is."""
    name = f"{MASKS_FOLDER}/{mask.path.name}"
    try:
        frames = read_clip(mask.clip, long_side=CHECKED_LONG_SIDE).frames
        masks = mask.read(long_side=CHECKED_LONG_SIDE)
    except MivaError as problem:
        return (MaskFault(mask.clip, problem.message, problem.hint or "replace the file"),)
    height, width = frames.shape[1:3]
    if len(masks) != len(frames):
        reason = f"`{name}` has {len(masks)} masks, the clip has {len(frames)} frames"
        return (MaskFault(mask.clip, reason, "there must be one mask for each frame"),)
    stretch = (masks.shape[2] / masks.shape[1]) / (width / height)
    if not 1 - SAME_ASPECT < stretch < 1 + SAME_ASPECT:
        reason = f"`{name}` has {masks.shape[2]}x{masks.shape[1]} pixels, the clip {width}x{height}: another shape"
        return (MaskFault(mask.clip, reason, "masks show the same part of the picture as their clip"),)
    flaw = flaw_of(masks)
    return (MaskFault(mask.clip, f"`{name}` {FLAW_WORDS[flaw]}", FLAW_HINTS[flaw]),) if flaw else ()


def _levels(path: Path, *, long_side: int | None) -> NDArray[np.float32]:
    if not path.is_dir():
        return _grey(read_clip(path, long_side=long_side).frames)
    pictures = sorted(folder_pictures(path), key=lambda picture: (_numbers(picture.stem), picture.name))
    levels = [_grey(open_photo(picture).pixels) for picture in pictures]
    other = next((place for place, level in enumerate(levels) if level.shape != levels[0].shape), None)
    if other is not None:
        raise IntegrityProblem(f"`{pictures[other].name}` has another size than the masks before it")
    return np.stack(levels)


def _numbers(text: str) -> tuple[int, ...]:
    """The numbers in a name, so that `10_mask` comes after `2_mask`."""
    return tuple(int(digits) for digits in re.findall(r"\d+", text))


def _grey(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.asarray(pixels.mean(axis=-1, dtype=np.float32) / 255, dtype=np.float32)
