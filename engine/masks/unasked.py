"""The door to masks that nobody gave: found in a photo before a run, or a word on why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.device import choose_device
from engine.masks.find_mask import MaskFinder, find_mask
from engine.masks.flaws import FLAW_WORDS, flaw_of
from engine.masks.found_mask import CONFIDENT, Missed
from engine.video.photo import open_photo
from registry_schema.errors import NotFound

if TYPE_CHECKING:
    from pathlib import Path

    from engine.mask_requests import Subject
    from engine.masks.found_mask import FoundMask


def open_mask_finder(segmenter: Path | None) -> MaskFinder:
    """All ways to a mask that this machine has, for any number of photos; `segmenter` is None where it is not here."""
    return MaskFinder(segmenter, choose_device())


def find_unasked(finder: MaskFinder, photo: Path, subject: Subject) -> FoundMask | Missed:
    """The mask of a subject in a photo, if it may be used unasked.

    Raises:
        NotFound, UsageProblem, IntegrityProblem, ResourceProblem: the photo, or weights of the segmenter.
    """
    picture = open_photo(photo)
    try:
        found = find_mask(picture, subject, finder)
    except NotFound as problem:
        return Missed(problem.message, problem.hint)
    if not found.is_confident:
        sure = f"the confidence is {found.confidence:.2f}, expected at least {CONFIDENT}"
        return Missed(f"{found.source} is not sure of {subject.label}: {sure}")
    flaw = flaw_of(found.mask)
    return found if flaw is None or flaw == "inverted" else Missed(f"the mask of {subject.label} {FLAW_WORDS[flaw]}")
