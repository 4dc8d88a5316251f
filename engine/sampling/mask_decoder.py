"""From latents of a mask to how sure it is of each cell: by the whole autoencoder, a tiny one, or a linear probe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

import diffusers
import torch
from torch.nn import functional as F

from registry_schema.errors import NotFound

if TYPE_CHECKING:
    from pathlib import Path

    from jaxtyping import Float
    from torch import Tensor

    from engine.bases.base import Base
    from engine.shapes import LatentShape

DecoderName = Literal["auto", "vae", "tiny", "probe"]

LUMA = (0.299, 0.587, 0.114)
CONTRAST = 0.2
"""A frame whose mask spans less than this shows no subject; stretched, it would show noise."""
TINY_FOLDER = "tiny_autoencoder"
"""In a base's folder: `AutoencoderTiny` of diffusers, as TAESD is published."""
DISCS = 3
"""Moving discs that a probe is fitted on: some small, some large."""


class MaskDecoder(Protocol):
    """Reads a mask from its latents."""

    def confidence(self, clean: Float[Tensor, "r c f h w"]) -> Float[Tensor, "r f h w"]:
        """How much each latent cell is subject, not yet stretched: about 0..1."""


class WholeDecoder:
    """The base's own autoencoder, and the mean over the pixels of each cell."""

    def __init__(self, base: Base) -> None:
        self._base = base

    def confidence(self, clean: Float[Tensor, "r c f h w"]) -> Float[Tensor, "r f h w"]:
        """Brightness of the decoded clip."""
        return to_cells(brightness(self._base.decode(clean)), clean.shape[2:])


class TinyDecoder:
    """A small autoencoder that was made to decode the same latents, picture by picture.

    Args:
        model: diffusers' `AutoencoderTiny`; it takes latents as the denoiser has them.
    """

    def __init__(self, model: diffusers.AutoencoderTiny) -> None:
        self._model = model

    @classmethod
    def load(cls, folder: Path, device: torch.device) -> TinyDecoder:
        """The one in a base's folder.

        Raises:
            NotFound: the base has none.
        """
        place = folder / TINY_FOLDER
        if not place.is_dir():
            msg = f"base folder `{folder.name}` has no tiny autoencoder, `{TINY_FOLDER}`"
            raise NotFound(msg, hint="pass `--mask-decoder probe`")
        model = diffusers.AutoencoderTiny.from_pretrained(place, use_safetensors=True, local_files_only=True)
        return cls(model.to(device).requires_grad_(requires_grad=False).eval())

    @torch.no_grad()
    def confidence(self, clean: Float[Tensor, "r c f h w"]) -> Float[Tensor, "r f h w"]:
        """Brightness of the decoded pictures."""
        frames = clean.transpose(1, 2).flatten(0, 1)
        pixels = self._model.decode(frames).sample.unflatten(0, (clean.shape[0], -1)).transpose(1, 2)
        return to_cells(brightness(pixels), clean.shape[2:])


class Probe:
    """A weighted sum of the channels, for autoencoders that code pictures as pictures.

    Args:
        weights: one for each channel, then the constant.
    """

    def __init__(self, weights: Float[Tensor, "c1"]) -> None:
        self._weights = weights

    @classmethod
    def fit(cls, base: Base, shape: LatentShape) -> Probe:
        """The best weights for masks whose clip is known: white discs that move over black.

        Args:
            base: whose autoencoder it reads.
            shape: of a run's latents.
        """
        frames = (shape.frames - 1) * base.spec.latent.temporal + 1
        scale = base.spec.latent.spatial
        discs = moving_discs(frames, shape.height * scale, shape.width * scale).to(base.device)
        latents = base.encode(as_clip(discs[None]))
        wanted = to_cells(discs[None], latents.shape[2:]).flatten()
        channels = latents[0].flatten(1).T
        known = torch.cat([channels, torch.ones_like(channels[:, :1])], dim=1)
        # float64 and a normal equation of a few channels: every device has it but mps, hence the processor
        known, wanted = known.double().cpu(), wanted.double().cpu()
        slack = 1e-6 * torch.eye(known.shape[1], dtype=torch.float64)
        return cls(torch.linalg.solve(known.T @ known + slack, known.T @ wanted))

    def confidence(self, clean: Float[Tensor, "r c f h w"]) -> Float[Tensor, "r f h w"]:
        """The sum, cut to 0..1."""
        weights = self._weights.to(clean)
        return (torch.einsum("rcfhw,c->rfhw", clean, weights[:-1]) + weights[-1]).clamp(0, 1)


def mask_decoder(name: DecoderName, base: Base, shape: LatentShape, folder: Path | None = None) -> MaskDecoder:
    """The decoder that a name stands for.

    `auto` is the probe where latents are pictures, and the base's own decoder where they are motion, as of `nano`,
    whose decoder is cheap.

    Args:
        name: of a decoder.
        base: whose latents are read.
        shape: of a run's latents.
        folder: of the base, for `tiny`.

    Raises:
        NotFound: the base has no tiny autoencoder.
    """
    if name == "tiny":
        if folder is None:
            raise NotFound("there is no folder to take a tiny autoencoder from", hint="use `probe`")
        return TinyDecoder.load(folder, base.device)
    probed = torch.zeros((1, shape.channels, 1, shape.height, shape.width))
    codes_motion = name == "auto" and base.origin(probed) is not None
    return WholeDecoder(base) if name == "vae" or codes_motion else Probe.fit(base, shape)


def stretched(confidence: Float[Tensor, "r f h w"]) -> Float[Tensor, "r f h w"]:
    """Each frame with its darkest cell at 0 and its brightest at 1, where it has contrast.

    Source: the authors' code stretches every frame; one without a subject then shows noise.
    """
    low, high = confidence.amin((-2, -1), keepdim=True), confidence.amax((-2, -1), keepdim=True)
    span = high - low
    return torch.where(span >= CONTRAST, (confidence - low) / span.clamp(min=CONTRAST), confidence).clamp(0, 1)


def as_clip(masks: Float[Tensor, "b f h w"]) -> Float[Tensor, "b 3 f h w"]:
    """Masks 0..1 as white on black clips in [-1, 1], which the base's autoencoder codes like any other."""
    return (masks[:, None] * 2 - 1).expand(-1, 3, -1, -1, -1)


def brightness(pixels: Float[Tensor, "b 3 f h w"]) -> Float[Tensor, "b f h w"]:
    """Luma of pixels in [-1, 1], cut to 0..1."""
    weights = torch.tensor(LUMA, device=pixels.device, dtype=pixels.dtype)
    return (torch.einsum("bcfhw,c->bfhw", pixels, weights) / 2 + 0.5).clamp(0, 1)


def to_cells(masks: Float[Tensor, "b f h w"], cells: tuple[int, ...]) -> Float[Tensor, "b f h w"]:
    """Masks at the size of latents: the mean over each cell's pixels and, where time is compressed, its frames.

    Frame 0 stands for itself; each later latent frame is the mean of its group, as `temporal_compression` of the
    authors' code for Wan has it.

    Args:
        masks: in pixels.
        cells: frames, height and width of the latents.
    """
    frames = cells[0]
    if masks.shape[1] != frames:
        later = masks[:, 1:].unflatten(1, (frames - 1, -1)).mean(2)
        masks = torch.cat([masks[:, :1], later], dim=1)
    return F.adaptive_avg_pool2d(masks, (cells[1], cells[2]))


def moving_discs(frames: int, height: int, width: int) -> Float[Tensor, "f h w"]:
    """White discs of several sizes that cross a black picture."""
    rows = torch.arange(height).view(-1, 1) / height
    columns = torch.arange(width) / width
    clip = torch.zeros(frames, height, width)
    for frame in range(frames):
        time = frame / max(frames - 1, 1)
        for disc in range(DISCS):
            across, down = (0.15 + 0.3 * disc + 0.4 * time) % 1, (0.25 + 0.25 * disc + 0.2 * time) % 1
            radius = 0.06 + 0.07 * disc
            far = ((rows - down) * height) ** 2 + ((columns - across) * width) ** 2
            clip[frame] = torch.maximum(clip[frame], (far <= (radius * width) ** 2).float())
    return clip
