"""Bases small enough for a unit test: random weights, real classes."""

from __future__ import annotations

import torch
from diffusers import UNetMotionModel
from torch import Tensor
from torch.nn import functional as F

from engine.bases.autoencoder import FrameByFrame
from engine.bases.unet_motion import UNetMotionBase
from registry_schema.base_spec import BaseSpec
from registry_schema.compatibility import fingerprint
from registry_schema.digests import Digest

SPATIAL = 4
CHANNELS = 4


class PoolingAutoencoder:
    """A `FrameAutoencoder`: the mean of each 4x4 block of pixels, and a fourth channel of zeros."""

    def encode(self, pixels: Tensor) -> Tensor:
        return F.pad(F.avg_pool2d(pixels, SPATIAL), (0, 0, 0, 0, 0, 1))

    def decode(self, latents: Tensor) -> Tensor:
        return F.interpolate(latents[:, :3], scale_factor=SPATIAL, mode="nearest")


def tiny_unet_base(
    *,
    schedule: dict[str, object] | None = None,
    sampler: str = "ddim",
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
) -> UNetMotionBase:
    """A random `UNetMotionModel` of two levels, 4 frames of 32x32 pixels; all three kinds of site."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        denoiser = UNetMotionModel(
            sample_size=8,
            in_channels=CHANNELS,
            out_channels=CHANNELS,
            block_out_channels=(16, 32),
            layers_per_block=1,
            norm_num_groups=8,
            cross_attention_dim=16,
            down_block_types=("CrossAttnDownBlockMotion", "DownBlockMotion"),
            up_block_types=("UpBlockMotion", "CrossAttnUpBlockMotion"),
            num_attention_heads=2,
            motion_num_attention_heads=2,
            motion_max_seq_length=16,
            use_motion_mid_block=False,
        )
    spec = tiny_spec(denoiser, schedule=schedule, sampler=sampler, seed=seed)
    return UNetMotionBase(
        spec, denoiser.to(dtype), autoencoder=FrameByFrame(PoolingAutoencoder()), condition=torch.zeros(1, 1, 16)
    )


def tiny_spec(denoiser: torch.nn.Module, *, schedule: dict[str, object] | None, sampler: str, seed: int) -> BaseSpec:
    shapes = {name: tuple(tensor.shape) for name, tensor in denoiser.state_dict().items()}
    document = {
        "name": "tiny",
        "title": "Tiny random base",
        "family": "unet_motion",
        "architecture": str(fingerprint(shapes)),
        "weights": str(Digest.of(str(seed).encode())),
        "licence": "Apache-2.0",
        "clip": {"frames": 4, "height": 32, "width": 32, "fps": 8},
        "frames": {"min": 2, "max": 16},
        "latent": {"channels": CHANNELS, "spatial": SPATIAL},
        "size_multiple": 8,
        "noise_schedule": schedule
        or {"kind": "diffusion", "betas": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "steps_offset": 1},
        "sampling": {"sampler": sampler, "steps": 4},
        "training": {
            "ranks": {"cross_frame_attention": 4, "implicit_prompt": 4, "temporal_lora": 4},
            "learning_rate": 1e-3,
            "steps": 8,
        },
    }
    return BaseSpec.of(document, source="tiny base")
