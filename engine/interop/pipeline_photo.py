"""A photo as frame 0 of a text-to-video pipeline of diffusers, held there at every step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from diffusers import AutoencoderKLWan

from engine.bases.autoencoder import FrameByFrame, KlAutoencoder
from engine.bases.wan_autoencoder import WanAutoencoder
from engine.interop.pipeline_host import pipeline_denoiser
from engine.sampling.first_frame import hold_first_frame
from engine.video.clip_tensor import to_tensor
from engine.video.framed_picture import to_base
from engine.video.framing import plan_framing
from engine.video.photo import open_photo
from registry_schema.errors import Incompatible, UsageProblem

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from engine.bases.autoencoder import ClipAutoencoder
    from engine.bases.diffusers_types import AutoencoderModel, DiffusersModel


def photo_start(
    pipeline: DiffusersModel, photo: Path, *, frames: int, width: int, height: int, seed: int
) -> dict[str, Any]:
    """Arguments for one call of the pipeline: its clip then begins with the photo, and later frames look at it.

    Frame 0 of the noise is the photo, clean, and is put back after every step, as adapters are trained. Guidance is
    off: one pass per step.

    Args:
        pipeline: with its autoencoder.
        photo: any file that `open_photo` reads; it is cropped to the clip's aspect.
        frames: of the clip.
        width: of the clip, in pixels.
        height: of the clip, in pixels.
        seed: of the noise.

    Raises:
        NotFound, UsageProblem, IntegrityProblem, ResourceProblem: the photo.
        Incompatible: the scheduler rescales latents, so that a clean frame has no place among them.
    """
    denoiser = pipeline_denoiser(pipeline)
    if getattr(pipeline.scheduler, "init_noise_sigma", 1.0) != 1.0:
        msg = f"`{type(pipeline.scheduler).__name__}` rescales latents, which a clean frame 0 can not follow"
        raise Incompatible(msg, hint="pipe.scheduler = DDIMScheduler.from_config(pipe.scheduler.config)")
    step = getattr(pipeline, "vae_scale_factor_temporal", 1)
    if frames < 1 or (frames - 1) % step:
        msg = f"a clip of {frames} frames, expected one more than a multiple of {step}"
        raise UsageProblem(msg, hint=f"pass frames={frames - (frames - 1) % step}")
    first = _encoded(pipeline.vae, photo, width=width, height=height)
    shape = (1, first.shape[1], (frames - 1) // step + 1, *first.shape[-2:])
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    latents = hold_first_frame(noise, first.cpu()).to(denoiser.device, denoiser.dtype)

    def hold(_pipeline: object, _step: int, _timestep: object, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"latents": hold_first_frame(tensors["latents"], first)}

    return {
        "latents": latents,
        "num_frames": frames,
        "width": width,
        "height": height,
        "guidance_scale": 1.0,
        "callback_on_step_end": hold,
    }


def _encoded(vae: AutoencoderModel, photo: Path, *, width: int, height: int) -> Tensor:
    """Latents 1 c 1 h w of the photo."""
    opened = open_photo(photo)
    framing = plan_framing(opened.size, (width, height), size="base", fit="crop", whole=True)
    pixels = to_tensor(to_base(opened.pixels, framing)[None])[None]
    coder: ClipAutoencoder = (
        WanAutoencoder(vae) if isinstance(vae, AutoencoderKLWan) else FrameByFrame(KlAutoencoder(vae))
    )
    with torch.no_grad():
        return coder.encode(pixels.to(vae.device, vae.dtype)).float()
