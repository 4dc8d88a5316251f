"""The door to the mask of one photo: found, or read from a file, then written and shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.device import choose_device
from engine.mask_requests import MaskResult
from engine.masks.find_mask import MaskFinder, find_mask
from engine.masks.flaws import FLAW_WORDS, flaw_of
from engine.masks.found_mask import FoundMask
from engine.masks.mask_file import read_mask
from engine.masks.mask_files import write_mask, write_preview
from engine.progress import SilentProgress
from engine.video.photo import open_photo
from registry_schema.errors import NotFound

if TYPE_CHECKING:
    from engine.mask_requests import MaskRequest
    from engine.progress import Progress
    from engine.video.photo import Photo


def mask_photo(request: MaskRequest, progress: Progress | None = None) -> MaskResult:
    """The mask of a photo in the file asked for.

    Raises:
        NotFound: no such photo; nobody here can look for the subject; or it was not found.
        UsageProblem: a file that is no photo or no mask, hints outside of the picture, or a place that can not be
            written.
        IntegrityProblem: a damaged file, or a broken segmenter.
    """
    photo = open_photo(request.photo)
    with (progress or SilentProgress()).phase("looking for the subject", 1) as phase:
        found = _found(photo, request)
        phase.advance()
    flaw = flaw_of(found.mask)
    if flaw == "empty":
        raise NotFound(
            f"the mask of `{photo.name}` {FLAW_WORDS[flaw]}", hint="draw a box: `--box left,top,width,height`"
        )
    notes = found.notes if flaw is None or request.drawn else (*found.notes, f"the mask {FLAW_WORDS[flaw]}")
    write_mask(found.mask, request.output)
    if request.preview is not None:
        write_preview(photo.pixels, found.mask, request.preview)
    return MaskResult(
        output=request.output,
        preview=request.preview,
        source=found.source,
        confidence=found.confidence,
        confident=found.is_confident,
        share=found.share,
        notes=(*photo.notes, *notes),
    )


def _found(photo: Photo, request: MaskRequest) -> FoundMask:
    if request.drawn is not None:
        return read_mask(request.drawn, photo, inverted=request.inverted)
    finder = MaskFinder(request.segmenter, choose_device())
    found = find_mask(photo, request.subject, finder, hints=request.hints)
    if not request.inverted:
        return found
    return FoundMask(1 - found.mask, found.confidence, found.source, found.notes)
