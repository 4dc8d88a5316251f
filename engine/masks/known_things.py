"""What could move in a photo, as the image encoder of the base `nano` knows it: no download, any photo.

The encoder says of each 4x4 pixels what is there; grabCut finds the outline of it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from torch.nn import functional as F

from engine.bases.base_folder import IMAGE_ENCODER, PACKAGED
from engine.bases.image_encoder import MULTIPLE, WEIGHTS_NAME, ImageEncoder
from engine.mask_requests import ENCODER_SOURCE
from engine.masks.cutting import agreement, cut_likely
from engine.masks.flaws import flaw_of
from engine.masks.found_mask import FoundMask

if TYPE_CHECKING:
    from pathlib import Path

    from jaxtyping import Float
    from numpy.typing import NDArray
    from torch import Tensor

    from engine.mask_requests import Subject

ENCODER: Final = PACKAGED / "nano" / IMAGE_ENCODER
THINGS: Final[dict[str, tuple[str, ...]]] = {
    "clouds": ("cloud", "clouds", "sky"),
    "waterfall": ("waterfall", "waterfalls"),
    "ripples": ("water", "lake", "river", "sea"),
    "smoke": ("smoke", "steam"),
    "swaying": (),
    "breathing": (),
    "turning": (),
    "sliding": (),
    "horse-running": ("horse", "horses"),
    "guitar-playing": ("guitarist", "guitar player", "guitar"),
    "turning-to-smile": ("face", "portrait", "person"),
    "fireworks": ("firework", "fireworks"),
    "birds-flying": ("bird", "birds"),
}
"""The answers of the encoder in its own order, by the motion that each is about, and phrases that mean the same."""

TRAINED_AREA: Final = 80 * 128
VIEWS: Final = (1.0, 1.5)
"""Sizes at which a photo is looked at, each also mirrored: small things are seen at the larger one.

One view has a soft IoU of 0.32 with birds of generated scenes, these four 0.35 (0.56 after the cut).
"""
SEEN: Final = 0.1
"""Least likelihood anywhere; below it nothing is there."""


def known_thing(subject: Subject) -> str | None:
    """The thing of `THINGS` that a subject is, by its motion or its phrases; None where the encoder knows none."""
    motion = subject.motion.strip().lower().replace(" ", "-")
    if motion in THINGS:
        return motion
    wanted = {phrase.strip().lower() for phrase in subject.phrases}
    return next((thing for thing, words in THINGS.items() if wanted & set(words)), None)


def packaged_encoder() -> Path | None:
    """The folder of the encoder that comes with the package, if it does."""
    return ENCODER if (ENCODER / WEIGHTS_NAME).is_file() else None


class KnownThing:
    """Finds one of `THINGS`.

    Args:
        encoder: of as many things as `THINGS` has.
        thing: a key of `THINGS`.
    """

    source = ENCODER_SOURCE
    every = 1

    def __init__(self, encoder: ImageEncoder, thing: str) -> None:
        self._encoder, self._row = encoder, list(THINGS).index(thing)

    @torch.no_grad()
    def likelihood(self, pixels: NDArray[np.uint8]) -> Float[Tensor, "h w"]:
        """How likely the thing is at each pixel of a picture `h w 3`, 0 to 1."""
        height, width = pixels.shape[:2]
        photo = torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None].float() / 127.5 - 1
        seen = [self._logits(photo, view) for view in VIEWS]
        grids = [F.interpolate(logits, size=seen[-1].shape[-2:], mode="bilinear") for logits in seen]
        return F.interpolate(torch.stack(grids).mean(0), size=(height, width), mode="bilinear").sigmoid()[0, 0]

    def find(self, pixels: NDArray[np.uint8]) -> FoundMask | None:
        """See `Segmenter`."""
        likelihood = self.likelihood(pixels)
        if float(likelihood.max()) < SEEN:
            return None
        mask = cut_likely(pixels, likelihood.numpy())
        if flaw_of(torch.from_numpy(mask)) in {"empty", "full"}:
            return None
        outside = float(np.average(likelihood.numpy(), weights=1 - mask))
        # On 72 scenes of birds, fireworks and horses among other things, 98 % of the masks with 0.5 and more have a
        # soft IoU of at least 0.5, and 86 % of such masks get that confidence.
        sure = math.sqrt(max(float(likelihood.max()) - outside, 0.0) * agreement(likelihood.numpy(), mask))
        return FoundMask(torch.from_numpy(mask), sure, ENCODER_SOURCE)

    def _logits(self, photo: Float[Tensor, "1 3 h w"], view: float) -> Float[Tensor, "1 1 h4 w4"]:
        height, width = photo.shape[-2:]
        scale = view * math.sqrt(TRAINED_AREA / (height * width))
        size = tuple(max(MULTIPLE, round(side * scale / MULTIPLE) * MULTIPLE) for side in (height, width))
        shown = F.interpolate(photo, size=size, mode="bicubic", antialias=True).clamp(-1, 1)
        here, _ = self._encoder(shown)
        mirrored, _ = self._encoder(shown.flip(-1))
        return (here + mirrored.flip(-1))[:, self._row : self._row + 1] / 2
