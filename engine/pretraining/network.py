"""What is pretrained: the denoiser of `nano`, its table of conditions, and a second task that teaches it to see."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from diffusers import UNetMotionModel
from diffusers.models.embeddings import SinusoidalPositionalEmbedding
from torch import Tensor, nn
from torch.nn import functional as F

from engine.bases.motion_autoencoder import MotionAutoencoder
from engine.bases.unet_motion import beside_frame_0
from engine.pretraining.examples import CONDITIONS, LABELLED
from registry_schema.noise_schedule import Diffusion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jaxtyping import Float

WIDTHS = (128, 192)
TOKENS, TOKEN_WIDTH = 4, 128
FOUND = 20.0
"""Weight of a place that holds a thing, in the labelling."""
SCHEDULE = Diffusion(
    betas="scaled_linear",
    beta_start=0.00085,
    beta_end=0.03,
    zero_terminal_snr=True,
    prediction="sample",
    spacing="trailing",
)


def build_denoiser() -> UNetMotionModel:
    """The untrained network: 15.5 million parameters, two levels with spatial and temporal attention on both."""
    return UNetMotionModel(
        in_channels=MotionAutoencoder.channels + MotionAutoencoder.picture_channels,
        out_channels=MotionAutoencoder.channels,
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
    """The network, one row of tokens for each of `CONDITIONS`, and the labelling.

    The labelling says which movable thing is where, whatever the condition and the noise. What moves has to be found
    in the photo first, and every photo shows it for all that is in it, while a clip shows it for what moves. It is not
    part of the base.
    """

    def __init__(self) -> None:
        super().__init__()
        self.denoiser = build_denoiser()
        self.conditions = nn.Parameter(torch.randn(len(CONDITIONS), TOKENS, TOKEN_WIDTH) * 0.5)
        self.labelling = nn.ModuleList(
            nn.Sequential(nn.GroupNorm(16, width), nn.SiLU(), nn.Conv2d(width, 4 * len(LABELLED), 1))
            for width in reversed(WIDTHS)
        )
        self._seen: list[Tensor] = []
        for block in (self.denoiser.mid_block, self.denoiser.up_blocks[-1]):
            block.register_forward_hook(lambda _module, _given, features: self._seen.append(features))

    def forward(
        self, noisy: Float[Tensor, "b c f h w"], timestep: Float[Tensor, "b"], weights: Float[Tensor, "b m"]
    ) -> tuple[Float[Tensor, "b c f h w"], list[Float[Tensor, "bf n h2 w2"]]]:
        """The clip behind the noise, and the labels as logits, coarse and fine.

        Args:
            noisy: latents.
            timestep: of each clip.
            weights: how much of each row of conditions each clip gets.
        """
        self._seen.clear()
        tokens = torch.einsum("bm,mtd->btd", weights, self.conditions)
        tokens = tokens.repeat_interleave(noisy.shape[2], 0)
        clean = self.denoiser(beside_frame_0(noisy, self.denoiser.config.in_channels), timestep, tokens).sample
        labels = [F.pixel_shuffle(label(seen), 2) for label, seen in zip(self.labelling, self._seen, strict=True)]
        return clean, labels

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


def labelling_loss(labels: list[Float[Tensor, "bf n h2 w2"]], present: Float[Tensor, "b n h w"]) -> Tensor:
    """Cross entropy of labels in every frame against where things are in frame 0.

    A thing found counts more than a place without it: birds cover a hundredth of a picture, and a network that says
    "nowhere" to all of them is right ninety-nine times in a hundred.
    """
    losses = []
    for logits in labels:
        cells = F.adaptive_avg_pool2d(present, (logits.shape[-2], logits.shape[-1]))
        truth = cells.repeat_interleave(len(logits) // len(present), 0)
        found = torch.full((truth.shape[1], 1, 1), FOUND)
        losses.append(F.binary_cross_entropy_with_logits(logits.float(), truth, pos_weight=found))
    return torch.stack(losses).mean()
