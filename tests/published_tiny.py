"""Published bases in small: the classes and folder layouts of the real ones, random weights, a few hundred kB."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import torch
from diffusers import AutoencoderKL, AutoencoderKLWan, MotionAdapter, UNet2DConditionModel, WanTransformer3DModel

from engine.bases.fingerprint import folder_fingerprint, module_fingerprint
from engine.bases.published_bases import published_bases

if TYPE_CHECKING:
    from pathlib import Path

WIDTHS = (16, 32)
UNET = {
    "sample_size": 8,
    "block_out_channels": WIDTHS,
    "layers_per_block": 1,
    "norm_num_groups": 8,
    "cross_attention_dim": 16,
    "attention_head_dim": 2,
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
}
MOTION = {
    "block_out_channels": WIDTHS,
    "motion_layers_per_block": 1,
    "motion_norm_num_groups": 8,
    "motion_num_attention_heads": 2,
    "motion_max_seq_length": 16,
    "use_motion_mid_block": False,
}
VAE = {
    "block_out_channels": (8, 8, 8, 8),
    "norm_num_groups": 4,
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
}
TRANSFORMER = {
    "num_attention_heads": 2,
    "attention_head_dim": 12,
    "in_channels": 16,
    "out_channels": 16,
    "text_dim": 8,
    "freq_dim": 16,
    "ffn_dim": 32,
    "num_layers": 2,
    "rope_max_seq_len": 32,
}
WAN_VAE = {"base_dim": 4, "z_dim": 16, "num_res_blocks": 1}
SD15 = "stable-diffusion-v1-5/stable-diffusion-v1-5"
ADAPTER = "guoyww/animatediff-motion-adapter-v1-5-3"
WAN = "Wan-AI/Wan2.1-T2V-1.3B-Diffusers"


def seeded(model: type, seed: int = 0, **config: Any) -> torch.nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return model(**config)


def write_repositories(root: Path, *, seed: int = 0) -> Path:
    """The three repositories as they lie on the Hub, with what nobody needs beside what is needed."""
    seeded(UNet2DConditionModel, seed, **UNET).save_pretrained(root / SD15 / "unet")
    seeded(AutoencoderKL, seed, **VAE).save_pretrained(root / SD15 / "vae")
    seeded(MotionAdapter, seed, **MOTION).save_pretrained(root / ADAPTER)
    seeded(WanTransformer3DModel, seed, **TRANSFORMER).save_pretrained(
        root / WAN / "transformer", max_shard_size="40KB"
    )
    seeded(AutoencoderKLWan, seed, **WAN_VAE).save_pretrained(root / WAN / "vae")
    for repository, folder in ((SD15, "text_encoder"), (WAN, "text_encoder")):
        (root / repository / folder).mkdir()
        (root / repository / folder / "model.safetensors").write_bytes(b"never to be read")
    (root / SD15 / "unet" / "diffusion_pytorch_model.bin").write_bytes(b"a pickle")
    (root / SD15 / "unet" / "diffusion_pytorch_model.non_ema.safetensors").write_bytes(b"never to be read")
    return root


def write_publications(folder: Path, repositories: Path) -> Path:
    """The real documents, with the facts of the tiny models in place of the real ones."""
    for publication in published_bases():
        base = publication.base.plain()
        own = folder / base["facts"]["name"]
        weights = []
        for part in base["parts"]:
            place = repositories / part["repository"] / part.get("folder", "")
            files = [path for path in place.glob("*.safetensors") if "non_ema" not in path.name]
            part["architecture"] = str(_fingerprint(files, own / "headers" / part["part"]))
            if part["part"] != "vae":
                weights += files
            config = json.loads((place / "config.json").read_text())
            kept = {key: value for key, value in config.items() if key in publication.config(part["part"])}
            (own / part["part"]).mkdir(parents=True)
            (own / part["part"] / "config.json").write_text(json.dumps(kept))
        unet = base["facts"]["family"] == "unet_motion"
        base["facts"] |= {
            "architecture": str(_fingerprint(weights, own / "headers" / "denoiser")),
            "clip": {"frames": 5 if not unet else 4, "height": 64, "width": 64, "fps": 8},
            "frames": {"min": 5, "max": 17, "step": 4, "offset": 1} if not unet else {"min": 2, "max": 16},
        }
        base["condition_width"] = 16 if unet else 8
        (own / "published.json").write_text(json.dumps(base))
    return folder


def _fingerprint(files: list[Path], folder: Path) -> str:
    folder.mkdir(parents=True)
    for number, path in enumerate(files):
        (folder / f"{number}.safetensors").symlink_to(path.resolve())
    return str(folder_fingerprint(folder))


def fingerprint_on_meta(model: type, **config: Any) -> str:
    with torch.device("meta"):
        return str(module_fingerprint(model(**config)))
