"""A home folder with a base so small that a whole story takes seconds, photos, clips, and the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from diffusers import UNetMotionModel
from PIL import Image

from engine.adapters.miva import MivaAdapter
from engine.adapters.weights import save_adapter
from engine.bases.catalog import load_base
from engine.bases.fingerprint import folder_fingerprint, weights_digest
from engine.bases.patch_autoencoder import PatchAutoencoder
from engine.toml_text import toml_text
from mivactl.cli.app import run
from registry_schema.adapter_spec import (
    AdapterSpec,
    CrossFrameAttentionSpec,
    ImplicitPromptSpec,
    MaskStreamSpec,
    TemporalLoraSpec,
)
from registry_schema.base_spec import BaseSpec
from registry_schema.ranks import Ranks
from registry_schema.sampling import SamplingHints, StartNoise

REPOSITORY = Path(__file__).parents[2]
WIDTH, HEIGHT, FRAMES, FPS, STEPS = 64, 48, 6, 8, 3


def write_tiny_base(folder: Path, *, name: str = "tiny", seed: int = 0, levels: tuple[int, ...] = (16, 32)) -> BaseSpec:
    """A random base of nano's own classes in the layout of the catalog, 6 frames of 64x48 pixels."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        denoiser = UNetMotionModel(
            sample_size=8,
            in_channels=PatchAutoencoder.channels,
            out_channels=PatchAutoencoder.channels,
            block_out_channels=levels,
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
    denoiser.save_pretrained(folder / "unet")
    PatchAutoencoder().save(folder / "vae")
    safetensors.torch.save_file({"null": torch.zeros(1, 1, 16)}, folder / "condition.safetensors")
    spec = BaseSpec.of(_spec(name, folder / "unet"), source="tiny")
    (folder / "base.json").write_bytes(spec.to_bytes())
    return spec


def _spec(name: str, unet: Path) -> dict[str, Any]:
    return {
        "name": name,
        "title": "Tiny random base",
        "family": "unet_motion",
        "architecture": str(folder_fingerprint(unet)),
        "weights": str(weights_digest(unet)),
        "licence": "Apache-2.0",
        "clip": {"frames": FRAMES, "height": HEIGHT, "width": WIDTH, "fps": FPS},
        "frames": {"min": 2, "max": 12},
        "latent": {"channels": PatchAutoencoder.channels, "spatial": 4},
        "size_multiple": 8,
        "noise_schedule": {
            "kind": "diffusion",
            "betas": "scaled_linear",
            "beta_start": 0.00085,
            "beta_end": 0.012,
            "prediction": "v_prediction",
            "spacing": "trailing",
        },
        "sampling": {"sampler": "dpm", "steps": STEPS, "start_noise": StartNoise().plain()},
        "training": {
            "ranks": {"cross_frame_attention": 4, "implicit_prompt": 4, "temporal_lora": 4},
            "learning_rate": 1e-3,
            "steps": 8,
        },
        "exact_only": True,
    }


def adapter_spec(base: BaseSpec, *, motion: str, region: str = "subject", masked: bool = False) -> AdapterSpec:
    """All three parts, in small; a mask stream where it is masked."""
    along_time = base.family == "unet_motion"
    return AdapterSpec(
        base=base.base_identity,
        masked=masked,
        motion=motion,
        region=region,
        ranks=Ranks(
            cross_frame_attention=4,
            implicit_prompt=4,
            temporal_lora=4 if along_time else None,
            mask_stream=4 if masked else None,
        ),
        mask_stream=MaskStreamSpec() if masked else None,
        cross_frame_attention=CrossFrameAttentionSpec(),
        implicit_prompt=ImplicitPromptSpec(words=motion),
        temporal_lora=TemporalLoraSpec() if along_time else None,
        clip=base.clip,
        noise_schedule=base.noise_schedule,
        sampling=SamplingHints(start_noise=base.sampling.start_noise),
        motion_norm=base.motion_norm,
    )


def write_adapter_draft(
    folder: Path,
    base_folder: Path,
    name: str,
    *,
    seed: int = 1,
    strength: float = 0.3,
    region: str = "subject",
    masked: bool = False,
) -> Path:
    """A draft whose every tensor has values, as if it had been trained; strength 0 is an adapter that does nothing."""
    base = load_base(base_folder, device=torch.device("cpu"), dtype=torch.float32)
    spec = adapter_spec(base.spec, motion=name.rpartition("/")[2], region=region, masked=masked)
    adapter = MivaAdapter.create(spec, base.sites(), seed=seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in adapter.parameters():
            tensor.add_(strength * torch.randn(tensor.shape, generator=generator))
    folder.mkdir(parents=True, exist_ok=True)
    save_adapter(adapter, folder / "adapter.safetensors", {})
    (folder / "adapter.json").write_text(json.dumps(spec.plain()))
    words = {"title": "A test", "summary": "A test of a motion", "licence": "Apache-2.0"}
    (folder / "release.toml").write_text(toml_text({"name": name, "version": "1.0.0", **words}))
    return folder


def write_photo(path: Path, *, width: int = 200, height: int = 130, seed: int = 0) -> Path:
    """A soft picture with edges in it, as PNG or whatever the suffix says."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 255, (5, 7, 3), dtype=np.uint8))
    pixels = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC)).copy()
    pixels[height // 3 : height // 2, width // 4 : width // 2] = (200, 40, 30)
    Image.fromarray(pixels).save(path)
    return path


def write_clips(folder: Path, *, count: int = 3) -> Path:
    """GIFs of a bright square that wanders to the right."""
    folder.mkdir(parents=True, exist_ok=True)
    for clip in range(count):
        frames = []
        for frame in range(FRAMES + 4):
            pixels = np.full((HEIGHT, WIDTH, 3), 60 + 20 * clip, dtype=np.uint8)
            left = 4 + 4 * frame + clip
            pixels[12:28, left : left + 14] = (230, 210, 60)
            frames.append(Image.fromarray(pixels))
        frames[0].save(folder / f"clip-{clip}.gif", save_all=True, append_images=frames[1:], duration=120, loop=0)
    return folder


@dataclass(frozen=True)
class Answer:
    """What a process said."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)["data"]

    @property
    def error(self) -> Any:
        return json.loads(self.out)["error"]


class TinyWorld:
    """A home with the tiny base as the only one a person chose, and a folder to work in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.base_folder = self.home / "bases" / "tiny"
        self.base = write_tiny_base(self.base_folder)
        (self.home / "config.toml").write_text('base = "tiny"\n')

    def environment(self, **more: str) -> dict[str, str]:
        return {**self.environment_of(self.home), **more}

    @staticmethod
    def environment_of(home: Path) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MIVACTL_")}
        return {**kept, "MIVACTL_HOME": str(home), "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}

    def command(self, *arguments: object) -> list[str]:
        return [sys.executable, "-m", "mivactl", *map(str, arguments)]

    def mivactl(self, *arguments: object, **environment: str) -> Answer:
        """The command line in a process of its own, in `folder`."""
        done = subprocess.run(
            self.command(*arguments),
            env=self.environment(**environment),
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def publish_and_install(self, draft: Path, name: str) -> None:
        """Both in this process, which has torch loaded already."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("MIVACTL_HOME", str(self.home))
            assert run(["publish", str(draft), "--quiet"]) == 0
            assert run(["install", name, "--quiet"]) == 0

    def ok(self, *arguments: object) -> Answer:
        """The same, and it must succeed."""
        answer = self.mivactl(*arguments)
        assert answer.code == 0, answer.err + answer.out
        return answer
