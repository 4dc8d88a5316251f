"""A Wan base small enough for a unit test: random weights, the real class, fewer latent frames than frames."""

from __future__ import annotations

import torch
from diffusers import WanTransformer3DModel
from torch import Tensor
from torch.nn import functional as F

from engine.bases.fingerprint import module_fingerprint
from engine.bases.wan import WanBase
from registry_schema.base_spec import BaseSpec
from registry_schema.digests import Digest

CHANNELS = 4
WIDTH = 24


class CausalPooling:
    """A `ClipAutoencoder`: 4x4 blocks of frame 0, then of each group of four frames, averaged."""

    def encode(self, pixels: Tensor) -> Tensor:
        first, rest = pixels[:, :, :1], pixels[:, :, 1:]
        pooled = [F.avg_pool3d(first, (1, 4, 4))]
        if rest.shape[2]:
            pooled.append(F.avg_pool3d(rest, (4, 4, 4)))
        return F.pad(torch.cat(pooled, dim=2), (0, 0, 0, 0, 0, 0, 0, CHANNELS - 3))

    def decode(self, latents: Tensor) -> Tensor:
        colours = latents[:, :3].repeat_interleave(4, dim=3).repeat_interleave(4, dim=4)
        return torch.cat([colours[:, :, :1], colours[:, :, 1:].repeat_interleave(4, dim=2)], dim=2)


def tiny_wan_base(*, seed: int = 0) -> WanBase:
    """Two blocks, 9 frames of 32x32 pixels: 3 latent frames of 8x8, 16 tokens each."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        denoiser = WanTransformer3DModel(
            num_attention_heads=2,
            attention_head_dim=WIDTH // 2,
            in_channels=CHANNELS,
            out_channels=CHANNELS,
            text_dim=8,
            freq_dim=16,
            ffn_dim=32,
            num_layers=2,
            rope_max_seq_len=32,
        )
        condition = torch.randn(1, 3, 8)
    document = {
        "name": "tiny-wan",
        "title": "Tiny random Wan",
        "family": "wan",
        "architecture": str(module_fingerprint(denoiser)),
        "weights": str(Digest.of(str(seed).encode())),
        "licence": "Apache-2.0",
        "clip": {"frames": 9, "height": 32, "width": 32, "fps": 8},
        "frames": {"min": 5, "max": 17, "step": 4, "offset": 1},
        "latent": {"channels": CHANNELS, "spatial": 4, "temporal": 4},
        "size_multiple": 8,
        "noise_schedule": {"kind": "flow", "shift": 5.0},
        "sampling": {"sampler": "euler_flow", "steps": 4},
        "training": {"ranks": {"cross_frame_attention": 4}, "learning_rate": 1e-3, "steps": 8},
    }
    spec = BaseSpec.of(document, source="tiny wan")
    return WanBase(spec, denoiser, autoencoder=CausalPooling(), condition=condition)
