"""What is pretrained: the denoiser of `nano` and its table of conditions."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from diffusers import UNetMotionModel
from diffusers.models.embeddings import SinusoidalPositionalEmbedding
from torch import Tensor, nn

from engine.bases.gated_output import clean_clip
from engine.bases.image_encoder import CELL
from engine.bases.motion_autoencoder import MotionAutoencoder
from engine.pretraining.examples import CONDITIONS, LABELLED
from engine.pretraining.image_encoder import MOTIONS
from registry_schema.noise_schedule import Diffusion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jaxtyping import Float

    from engine.bases.photo_view import PhotoView

WIDTHS = (128, 192)
TOKENS, TOKEN_WIDTH = 4, 128
SEEN = (len(LABELLED) + MOTIONS) * (MotionAutoencoder.spatial // CELL) ** 2
"""Channels of what the image encoder says of a latent pixel."""
CLOSED = -4.0
"""Gates of the untrained network: hardly anything of the noisy clip is kept."""
SCHEDULE = Diffusion(
    betas="scaled_linear",
    beta_start=0.00085,
    beta_end=0.03,
    zero_terminal_snr=True,
    prediction="sample",
    spacing="trailing",
)


def build_denoiser() -> UNetMotionModel:
    """The untrained network: 15.6 million parameters, two levels with spatial and temporal attention on both."""
    return UNetMotionModel(
        in_channels=MotionAutoencoder.channels + MotionAutoencoder.picture_channels + SEEN,
        out_channels=2 * MotionAutoencoder.channels,
        block_out_channels=WIDTHS,
        down_block_types=("CrossAttnDownBlockMotion", "CrossAttnDownBlockMotion"),
        up_block_types=("CrossAttnUpBlockMotion", "CrossAttnUpBlockMotion"),
        layers_per_block=1,
        cross_attention_dim=TOKEN_WIDTH,
        num_attention_heads=(4, 6),
        motion_num_attention_heads=(4, 6),
        motion_max_seq_length=32,
        norm_num_groups=16,
        use_motion_mid_block=True,
    )


class Pretraining(nn.Module):
    """The network, and one row of tokens for each of `CONDITIONS`.

    Args:
        view: what it sees of the photo.
    """

    def __init__(self, view: PhotoView) -> None:
        super().__init__()
        self.view = view
        self.denoiser = build_denoiser()
        gates = self.denoiser.conv_out.weight.shape[0] // 2
        torch.nn.init.zeros_(self.denoiser.conv_out.weight[gates:])
        torch.nn.init.constant_(self.denoiser.conv_out.bias[gates:], CLOSED)
        self.conditions = nn.Parameter(torch.randn(len(CONDITIONS), TOKENS, TOKEN_WIDTH) * 0.5)

    def forward(
        self, noisy: Float[Tensor, "b c f h w"], timestep: Float[Tensor, "b"], weights: Float[Tensor, "b m"]
    ) -> Float[Tensor, "b c f h w"]:
        """The clip behind the noise.

        Args:
            noisy: latents, frame 0 clean.
            timestep: of each clip.
            weights: how much of each row of conditions each clip gets.
        """
        tokens = torch.einsum("bm,mtd->btd", weights, self.conditions)
        tokens = tokens.repeat_interleave(noisy.shape[2], 0)
        return clean_clip(self.denoiser(self.view.beside(noisy), timestep, tokens).sample, noisy)

    @contextmanager
    def frames_shown(self, shown: tuple[int, ...]) -> Iterator[None]:
        """Count the frames of a clip as these of a longer one; the temporal layers know frames by their places."""
        places = [module.pe for module in self.denoiser.modules() if isinstance(module, SinusoidalPositionalEmbedding)]
        whole = [place.clone() for place in places]
        for place, full in zip(places, whole, strict=True):
            place[:, : len(shown)] = full[:, list(shown)]
        try:
            yield
        finally:
            for place, full in zip(places, whole, strict=True):
                place.copy_(full)
