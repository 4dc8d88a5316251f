"""Turns a pretraining's state into the packaged base: `python -m engine.pretraining.export --to engine/bases/nano`."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from diffusers import DDIMScheduler
from safetensors.torch import load_file, save_file

from engine.bases.base_folder import IMAGE_ENCODER, SPEC_NAME, weight_folders
from engine.bases.fingerprint import folder_fingerprint, weights_digest
from engine.bases.motion_autoencoder import MotionAutoencoder
from engine.pretraining.examples import CANVAS, CONDITIONS, FPS, FRAMES
from engine.pretraining.image_encoder import trained_encoder
from engine.pretraining.network import SCHEDULE, build_denoiser
from engine.pretraining.training_state import STATE_NAME, averaged
from registry_schema.base_spec import BaseSpec

if TYPE_CHECKING:
    import torch

    from engine.bases.image_encoder import ImageEncoder

SHARD = "14MB"
NOISE_SCALE = 0.7
"""At 1, one cell in a hundred thousand starts from noise that looks like a spark and becomes a stain, on most clips."""

LONE_WEIGHT = 0.5
"""At 1 an adapter also moves what only looks a little like its thing."""


def export(weights: dict[str, torch.Tensor], encoder: ImageEncoder, folder: Path) -> BaseSpec:
    """Write a base in half precision into `folder`, which is replaced as a whole.

    Args:
        weights: of a `Pretraining`.
        encoder: what it was pretrained with.
        folder: of the base.
    """
    fresh = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    denoiser = build_denoiser()
    learned = {n.removeprefix("denoiser."): v for n, v in weights.items() if n.startswith("denoiser.")}
    denoiser.load_state_dict(learned)
    denoiser.half().save_pretrained(fresh / "unet", max_shard_size=SHARD)
    save_conditions(weights["conditions"], fresh / "condition.safetensors")
    encoder.save(fresh / IMAGE_ENCODER)
    MotionAutoencoder().save(fresh / "vae")
    scheduler().save_pretrained(fresh / "scheduler")
    spec = describe(fresh)
    (fresh / SPEC_NAME).write_bytes(spec.to_bytes())
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)
    return spec


def save_conditions(table: torch.Tensor, path: Path) -> None:
    """The rows of the condition table, 1 n d each, by name; what a base is conditioned on is `null`."""
    rows = {name: row[None].clone() for name, row in zip(CONDITIONS, table.half(), strict=True)}
    save_file(rows, path)


def scheduler() -> DDIMScheduler:
    """The noise schedule in diffusers' words."""
    return DDIMScheduler(
        num_train_timesteps=SCHEDULE.train_steps,
        beta_start=SCHEDULE.beta_start,
        beta_end=SCHEDULE.beta_end,
        beta_schedule=SCHEDULE.betas,
        prediction_type=SCHEDULE.prediction,
        timestep_spacing=SCHEDULE.spacing,
        rescale_betas_zero_snr=SCHEDULE.zero_terminal_snr,
        clip_sample=False,
    )


def describe(folder: Path) -> BaseSpec:
    """`nano`'s spec for the weights in `folder`."""
    plain = {
        "schema": BaseSpec.SCHEMA,
        "name": "nano",
        "title": "Nano: the base that ships with mivactl",
        "family": "unet_motion",
        "architecture": str(folder_fingerprint(folder / "unet")),
        "weights": str(weights_digest(*weight_folders(folder))),
        "licence": "Apache-2.0",
        "clip": {"frames": FRAMES, "height": CANVAS.height, "width": CANVAS.width, "fps": round(FPS)},
        "frames": {"min": 8, "max": 24, "step": 1, "offset": 0},
        "latent": {"channels": MotionAutoencoder.channels, "spatial": MotionAutoencoder.spatial, "temporal": 1},
        "size_multiple": 16,
        "noise_schedule": SCHEDULE.plain(),
        "sampling": {
            "sampler": "ddim",
            "steps": 12,
            "match_first_frame": False,
            "noise_scale": NOISE_SCALE,
            "lone_weight": LONE_WEIGHT,
        },
        "training": {
            "ranks": {"cross_frame_attention": 8, "implicit_prompt": 32, "temporal_lora": 4},
            "learning_rate": 2e-3,
            "steps": 300,
            "alpha": 8.0,
            "betas": [0.9, 0.99],
            "warmup": 20,
            "schedule": "cosine",
            "ema_decay": 0.98,
            "timesteps": "noisy",
            "least_weight": 0.3,
            "windows": 3,
        },
        "exact_only": True,
    }
    return BaseSpec.from_plain(plain, source=SPEC_NAME)


def main() -> None:
    """Command line of the export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path(".pretraining/nano"), help="folder of the pretraining")
    parser.add_argument("--to", type=Path, required=True, help="folder of the base, replaced")
    parser.add_argument(
        "--encoder", type=Path, default=Path(".pretraining/image_encoder"), help="folder of the encoder's pretraining"
    )
    options = parser.parse_args()
    export(averaged(load_file(options.work / STATE_NAME)), trained_encoder(options.encoder), options.to)


if __name__ == "__main__":
    main()
