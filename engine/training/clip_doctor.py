"""The clip doctor: every clip of a folder decoded to its end, with a verdict on each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.clip_requests import ClipsResult
from engine.training.clip_dataset import clip_paths
from engine.training.clip_sheet import check_sheet, write_sheet
from engine.training.examined_clip import examine_clip, twin_finding

if TYPE_CHECKING:
    from engine.clip_requests import ClipsRequest
    from engine.progress import Progress
    from engine.training.examined_clip import ExaminedClip


def examine_clips(request: ClipsRequest, progress: Progress) -> ClipsResult:
    """A verdict on each clip, as training would judge it.

    Raises:
        NotFound: no such folder, or nothing in it.
        UsageProblem: the sheet has no format for a picture, or a place that can not be written.
        ResourceProblem: no space is left for the sheet.
    """
    if request.sheet is not None:
        check_sheet(request.sheet)
    paths = clip_paths(request.clips)
    examined: list[ExaminedClip] = []
    recipe = request.recipe
    with progress.phase("reading clips", len(paths)) as phase:
        for path in paths:
            clip = examine_clip(path, request.shape, recipe.clips, seed=recipe.run.seed)
            twin = twin_finding(clip, examined)
            examined.append(clip if twin is None else clip.with_finding(twin))
            phase.advance()
    if request.sheet is not None:
        write_sheet(examined, request.sheet)
    return ClipsResult(tuple(clip.verdict() for clip in examined), request.sheet)
