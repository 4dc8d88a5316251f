"""What a denoiser sees of the photo at every place of every frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from engine.bases.image_encoder import CELL

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from engine.bases.image_encoder import ImageEncoder
    from engine.bases.motion_autoencoder import MotionAutoencoder


class PhotoView:
    """The picture channels of frame 0, and what an image encoder says of it, beside every frame's own latents.

    Both follow from frame 0 of what the denoiser is given, which is the photo, clean: nothing has to be kept with a
    clip. The encoder costs a hundredth of the denoiser.

    Args:
        autoencoder: of the latents.
        image_encoder: None for a denoiser that sees the picture channels alone.

    Source: Blattmann et al. 2023, Stable Video Diffusion (arXiv 2311.15127), on conditioning by concatenation.
    """

    def __init__(self, autoencoder: MotionAutoencoder, image_encoder: ImageEncoder | None) -> None:
        self._autoencoder, self._image_encoder = autoencoder, image_encoder

    def to(self, device: torch.device) -> None:
        """See on `device` from now on."""
        if self._image_encoder is not None:
            self._image_encoder.to(device)

    @torch.no_grad()
    def beside(self, noisy: Float[Tensor, "s c f h w"], *, streams: int = 1) -> Float[Tensor, "s c2 f h w"]:
        """Every frame with the view of the pictures' frame 0 behind its own channels: masks see the photo, too."""
        first = noisy[::streams, :, :1]
        views = [noisy, _everywhere(first[:, : self._autoencoder.picture_channels, 0], noisy)]
        if self._image_encoder is not None:
            views.append(_everywhere(self._seen(self._image_encoder, first.float()), noisy))
        return torch.cat(views, 1)

    def _seen(self, encoder: ImageEncoder, first: Float[Tensor, "b c 1 h w"]) -> Float[Tensor, "b n h w"]:
        photos = self._autoencoder.decode(first)[:, :, 0].clamp(-1, 1)
        return F.pixel_unshuffle(encoder.see(photos), self._autoencoder.spatial // CELL)


def _everywhere(view: Float[Tensor, "b n h w"], noisy: Tensor) -> Float[Tensor, "s n f h w"]:
    """The view of each clip at every frame of each of its streams."""
    each = view.repeat_interleave(noisy.shape[0] // view.shape[0], 0)
    return each.to(noisy)[:, :, None].expand(-1, -1, noisy.shape[2], -1, -1)
