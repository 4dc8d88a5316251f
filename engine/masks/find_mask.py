"""`find_mask`: the mask of a subject in a photo, by whoever can find it best on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.bases.image_encoder import ImageEncoder
from engine.masks.grounded import Grounded, GroundedSubject
from engine.masks.hinted import cut_hinted
from engine.masks.known_things import KnownThing, known_thing, packaged_encoder
from engine.masks.mask_file import photo_cutout
from registry_schema.errors import NotFound

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import torch
    from numpy.typing import NDArray

    from engine.mask_requests import MaskHints, Subject
    from engine.masks.found_mask import FoundMask, Segmenter
    from engine.video.photo import Photo

BY_HAND = "show it with `--box left,top,width,height` or `--point x,y`, or draw a mask in black and white"


def find_mask(
    photo: Photo, subject: Subject | None, finder: MaskFinder, *, hints: MaskHints | None = None
) -> FoundMask:
    """The subject of a photo: as hints show it, else as the photo is cut out, else as `finder` finds it.

    Raises:
        NotFound, UsageProblem, IntegrityProblem: as `MaskFinder.find`.
    """
    return (None if hints else photo_cutout(photo)) or finder.find(photo.pixels, subject, hints)


class MaskFinder:
    """All ways to a mask that this machine has; models are loaded when they are first asked.

    Args:
        segmenter: the folder of the detector and the cutter; None where they are not here.
        device: for these two.
        encoder: the folder of an image encoder that knows things that move; the packaged one if left out.
    """

    def __init__(self, segmenter: Path | None, device: torch.device, *, encoder: Path | None = None) -> None:
        self._folder, self._device = segmenter, device
        self._encoder_folder = encoder or packaged_encoder()
        self._models: Grounded | None = None
        self._encoder: ImageEncoder | None = None

    def find(self, pixels: NDArray[np.uint8], subject: Subject | None, hints: MaskHints | None = None) -> FoundMask:
        """The subject of a picture `h w 3`, at its size; `is_confident` says whether to use it unasked.

        Hints decide where there are some. Else a detector is asked for the subject's phrases, or, where its weights
        are not on this machine, the image encoder of `nano`.

        Args:
            pixels: sRGB.
            subject: None where hints say all.
            hints: what a person shows of it.

        Raises:
            NotFound: nobody here can look for it, or nobody has found it.
            UsageProblem: hints outside of the picture.
            IntegrityProblem: the segmenter's weights are broken.
        """
        if hints:
            models = self._grounded()
            if models is not None:
                return models.cut_hinted(pixels, hints)
            thing = self._known(subject)
            return cut_hinted(pixels, hints, prior=thing.likelihood(pixels).numpy() if thing else None)
        found = self.segmenter_for(subject).find(pixels)
        if found is None:
            label = subject.label if subject else "subject"
            raise NotFound(f"no {label} was found in the picture", hint=BY_HAND)
        return found

    def segmenter_for(self, subject: Subject | None) -> Segmenter:
        """Who finds `subject` by itself.

        Raises:
            NotFound: nobody here.
            IntegrityProblem: the segmenter's weights are broken.
        """
        if subject is None:
            raise NotFound("nobody said what to look for", hint=f"name an adapter with `--for`; or {BY_HAND}")
        models = self._grounded()
        if models is not None:
            return GroundedSubject(models, subject)
        known = self._known(subject)
        if known is None:
            raise NotFound(
                f"to find {subject.label} in a picture takes the weights of a segmenter, which are not on this machine",
                hint=f"`mivactl weights fetch segmenter` downloads them once; or {BY_HAND}",
            )
        return known

    def _known(self, subject: Subject | None) -> KnownThing | None:
        thing = None if subject is None else known_thing(subject)
        if thing is None or self._encoder_folder is None:
            return None
        if self._encoder is None:
            self._encoder = ImageEncoder.load(self._encoder_folder)
        return KnownThing(self._encoder, thing)

    def _grounded(self) -> Grounded | None:
        if self._models is None and self._folder is not None:
            self._models = Grounded.load(self._folder, self._device)
        return self._models
