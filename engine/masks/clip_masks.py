"""The door to the masks of training clips: found in every frame, carried along where they are not, written beside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.device import choose_device
from engine.mask_requests import ClipMaskResult
from engine.masks.find_mask import BY_HAND, MaskFinder
from engine.masks.mask_files import write_clip_mask, write_clip_preview
from engine.masks.propagation import follow
from engine.masks.training_masks import (
    PREVIEW,
    ClipMask,
    UnusableMasks,
    faults_of,
    mask_of,
    masked_clips,
    place_of_masks,
)
from engine.progress import SilentProgress
from engine.video.clip_reader import read_clip
from registry_schema.errors import NotFound, UsageProblem

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from engine.mask_requests import ClipMasksRequest
    from engine.masks.found_mask import FoundMask
    from engine.progress import Progress

LONG_SIDE = 960
"""Pixels to which large clips are shrunk; masks are for latents, which have an eighth of a base's pixels."""


def mask_clips(request: ClipMasksRequest, progress: Progress | None = None) -> tuple[ClipMaskResult, ...]:
    """Masks beside every clip of a folder, or beside one clip; what is there already is checked and kept.

    Raises:
        NotFound: no clips; nobody here can look for the subject; or it was not found in some clips, which are named
            when all others have their masks.
        UsageProblem: hints for several clips, or outside of the picture.
        UnusableMasks: masks that were there can not be used.
        IntegrityProblem, ResourceProblem: a damaged clip, or one that is too long.
    """
    progress = progress or SilentProgress()
    clips = [request.clips] if not _is_folder_of_clips(request.clips) else masked_clips(request.clips)
    if request.hints and len(clips) > 1:
        raise UsageProblem(
            f"`--box` and `--point` show the subject of one clip, `{request.clips}` holds {len(clips)}",
            hint=f"run it for each of them: `mivactl mask {clips[0]} --box left,top,width,height`",
        )
    finder = MaskFinder(request.segmenter, choose_device())
    done: list[ClipMaskResult] = []
    without: list[Path] = []
    with progress.phase("masking clips", len(clips)) as phase:
        for clip in clips:
            there = None if request.force else mask_of(clip)
            result = _kept(clip, there) if there is not None else _masked(clip, request, finder)
            if result is None:
                without.append(clip)
            else:
                done.append(result)
            phase.advance()
    if without:
        label = request.subject.label if request.subject else "subject"
        names = ", ".join(f"`{clip.name}`" for clip in without)
        raise NotFound(
            f"no {label} was found with confidence in {len(without)} of {len(clips)} clips: {names}",
            hint=f"`mivactl mask {without[0]} --box left,top,width,height` shows it in the first frame; or {BY_HAND}",
        )
    return tuple(done)


def _is_folder_of_clips(path: Path) -> bool:
    return path.is_dir() or not path.exists()


def _kept(clip: Path, there: Path) -> ClipMaskResult:
    mask = ClipMask(clip, there)
    faults = faults_of(mask)
    if faults:
        raise UnusableMasks(faults, 1)
    levels = mask.read()
    return ClipMaskResult(clip, there, len(levels), "file", 1.0, float(levels.mean()), written=False)


def _masked(clip: Path, request: ClipMasksRequest, finder: MaskFinder) -> ClipMaskResult | None:
    """None where no frame has a mask that is sure enough."""
    decoded = read_clip(clip, long_side=LONG_SIDE)
    found = _seen(decoded.frames, request, finder)
    surest = max((one for one in found if one is not None), key=lambda one: one.confidence, default=None)
    if surest is None or not surest.is_confident:
        return None
    masks, path = follow(decoded.frames, found), place_of_masks(clip)
    write_clip_mask(masks, path, fps=decoded.fps)
    if request.preview:
        write_clip_preview(decoded.frames, masks, path.with_suffix(f"{PREVIEW}.webp"), fps=decoded.fps)
    return ClipMaskResult(clip, path, len(masks), surest.source, surest.confidence, float(masks.mean()), written=True)


def _seen(frames: NDArray[np.uint8], request: ClipMasksRequest, finder: MaskFinder) -> list[FoundMask | None]:
    """What is found in each frame that is looked at by itself."""
    if request.hints:
        return [finder.find(frames[0], request.subject, request.hints), *([None] * (len(frames) - 1))]
    segmenter = finder.segmenter_for(request.subject)
    return [segmenter.find(frame) if place % segmenter.every == 0 else None for place, frame in enumerate(frames)]
