"""Where the subjects of masked adapters are in a photo: masks given or found, and what a run makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

from engine.sampling.mask_decoder import mask_decoder
from engine.sampling.mask_walk import FirstMasks, MaskGuidance
from engine.shapes import LatentShape, latent_frames
from engine.video.framed_picture import to_base
from engine.video.photo import open_photo, pixel_digest
from registry_schema.digests import Digest
from registry_schema.errors import UsageProblem
from registry_schema.receipt import MaskRecord

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from jaxtyping import Float
    from torch import Tensor

    from engine.animation.studio import Studio
    from engine.masks.found_mask import FoundMask
    from engine.requests import AdapterUse
    from engine.video.framing import Framing
    from engine.video.photo import Photo
    from registry_schema.receipt import RunSettings

SUBJECT_AT_LEAST = 0.5
"""The brightest place of a mask that holds something."""
ASPECT_TOLERANCE = 0.02
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


@dataclass(frozen=True, eq=False)
class PhotoMask:
    """The mask of one adapter in one photo.

    Args:
        subject: h w in 0..1, at the photo's size.
        record: whose it is, where it came from, and its digest.
        notes: what a person should know of it.
    """

    subject: Float[Tensor, "h w"]
    record: MaskRecord
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, use: AdapterUse, subject: Float[Tensor, "h w"], *, source: str, notes: Sequence[str] = ()) -> PhotoMask:
        """The mask of an adapter, from values in 0..1.

        Raises:
            UsageProblem: it holds no subject.
        """
        if float(subject.max()) < SUBJECT_AT_LEAST:
            msg = f"the mask of `{use.label}`, {source}, is empty: it says that the photo holds no subject"
            raise UsageProblem(msg, hint="paint the subject white, or pass `--no-mask`")
        digest = Digest(pixel_digest(_eight_bits(subject)))
        return cls(subject, MaskRecord(adapter=use.record.name, source=source, digest=digest), tuple(notes))


def masks_of_photo(
    uses: Sequence[AdapterUse], photo: Photo, files: Mapping[str, Path], found: Mapping[str, FoundMask]
) -> tuple[PhotoMask, ...]:
    """A mask for each masked adapter, in their order.

    Args:
        uses: the adapters of a run that have a mask stream.
        photo: that is animated.
        files: masks by the adapter's name.
        found: the same, of those that were found unasked; files go before them.

    Raises:
        UsageProblem: an adapter without a mask, a mask for one that takes none, or an empty one.
        NotFound, IntegrityProblem, ResourceProblem: a file.
    """
    names = {str(use.record.name) for use in uses}
    if strangers := sorted(set(files) - names):
        label = strangers[0].removeprefix("miva/")
        msg = f"there is a mask for `{label}`, which has no mask stream in this run"
        raise UsageProblem(msg, hint=f"leave out `--mask {label}=...`")
    missing = next((use for use in uses if use.record.name not in {*files, *found}), None)
    if missing is not None:
        msg = f"`{missing.label}` is a masked adapter, and nothing says where its subject is in `{photo.name}`"
        raise UsageProblem(msg, hint=f"pass `--mask {missing.label}=mask.png`, or `--no-mask` for its plain build")
    return tuple(
        read_mask(use, files[use.record.name], photo.size)
        if use.record.name in files
        else _unasked(use, found[use.record.name])
        for use in uses
    )


def _unasked(use: AdapterUse, found: FoundMask) -> PhotoMask:
    told = f"the subject of {use.label} was found by {found.source}, confidence {found.confidence:.2f}"
    told = f"{told}: {found.share:.0%} of the picture"
    return PhotoMask.of(use, found.mask, source=found.source, notes=(told, *found.notes))


def read_mask(use: AdapterUse, path: Path, size: tuple[int, int]) -> PhotoMask:
    """The mask in a picture: its transparency where it has one, else its brightness, white for the subject.

    Args:
        use: the adapter it is for.
        path: any picture that `open_photo` reads.
        size: width and height of the photo; another one is resized to it, with a note.

    Raises:
        UsageProblem: it is empty, or no picture.
        NotFound, IntegrityProblem, ResourceProblem: the file.
    """
    picture = open_photo(path)
    grey = picture.pixels.astype(np.float32) @ LUMA if picture.alpha is None else picture.alpha.astype(np.float32)
    notes = []
    if picture.size != size:
        (width, height), (own_width, own_height) = size, picture.size
        told = f"the mask `{path.name}` is {own_width}x{own_height}, the photo {width}x{height}: it was resized"
        other_aspect = abs(own_width / own_height * height / width - 1) > ASPECT_TOLERANCE
        notes.append(f"{told}, and is stretched by that" if other_aspect else told)
        grey = np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.BILINEAR))
    subject = torch.from_numpy(grey.copy()).div(255).clamp(0, 1)
    return PhotoMask.of(use, subject, source=path.name[-200:], notes=notes)


def mask_guidance(
    studio: Studio, masks: Sequence[PhotoMask], framing: Framing, settings: RunSettings
) -> MaskGuidance | None:
    """The masks as a run takes them; None without masked adapters.

    Raises:
        NotFound: the decoder that was asked for is not there.
    """
    if not masks or settings.masks is None:
        return None
    base = studio.base
    first = FirstMasks.of(base, [_in_frame(mask.subject, framing) for mask in masks])
    frames = latent_frames(settings.clip.frames, base.spec.latent)
    _, _, channels, _, height, width = first.latents.shape
    shape = LatentShape(channels, frames, height, width)
    decoder = mask_decoder(settings.masks.decoder, base, shape, studio.folder)
    return MaskGuidance(first, decoder, settings.masks.evaluations)


def _in_frame(subject: Float[Tensor, "h w"], framing: Framing) -> Float[Tensor, "h w"]:
    """A mask of the photo as one of the base's frame 0."""
    grey = to_base(_eight_bits(subject)[..., None].repeat(3, -1), framing)
    return torch.from_numpy(grey[..., 0].copy()).float() / 255


def _eight_bits(subject: Float[Tensor, "h w"]) -> np.typing.NDArray[np.uint8]:
    return np.rint(subject.cpu().numpy() * 255).astype(np.uint8)
