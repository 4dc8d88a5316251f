"""The paper's two bases as data: what a count needs to know of them, without their weights.

The only module of the counts that knows these bases; `blueprint` reads nothing else of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class PaperSize:
    """A base of the paper.

    Attributes:
        facts: its `base.json` without what only weights can tell.
        denoiser: its configuration, as diffusers' class of the family takes it; the rest is diffusers' default.
        condition_tokens: of the text it was trained with.
        condition_width: numbers in each of them.
    """

    facts: Mapping[str, Any]
    denoiser: Mapping[str, Any]
    condition_tokens: int
    condition_width: int


_ANIMATEDIFF: Final = PaperSize(
    facts={
        "name": "animatediff-v3",
        "title": "AnimateDiff v3: Stable Diffusion 1.5 with motion modules",
        "family": "unet_motion",
        "licence": "Apache-2.0 AND LicenseRef-CreativeML-OpenRAIL-M",
        "clip": {"frames": 16, "height": 320, "width": 512, "fps": 8},
        "frames": {"min": 8, "max": 32},
        "latent": {"channels": 4, "spatial": 8},
        "size_multiple": 64,
        "noise_schedule": {
            "kind": "diffusion",
            "betas": "scaled_linear",
            "beta_start": 0.00085,
            "beta_end": 0.012,
            "steps_offset": 1,
        },
        "sampling": {"sampler": "ddim", "steps": 50},
        "training": {
            "ranks": {"cross_frame_attention": "full", "implicit_prompt": 64, "temporal_lora": 32},
            "learning_rate": 1e-5,
            "steps": 15_000,
        },
    },
    denoiser={"cross_attention_dim": 768, "use_motion_mid_block": False},
    condition_tokens=77,
    condition_width=768,
)
_WAN: Final = PaperSize(
    facts={
        "name": "wan2.1-t2v-1.3b",
        "title": "Wan 2.1 text to video, 1.3B",
        "family": "wan",
        "licence": "Apache-2.0",
        "clip": {"frames": 17, "height": 480, "width": 832, "fps": 8},
        "frames": {"min": 5, "max": 81, "step": 4, "offset": 1},
        "latent": {"channels": 16, "spatial": 8, "temporal": 4},
        "size_multiple": 16,
        "noise_schedule": {"kind": "flow", "shift": 5.0},
        "sampling": {"sampler": "euler_flow", "steps": 50},
        "training": {
            "ranks": {"cross_frame_attention": 128, "implicit_prompt": 128},
            "learning_rate": 1e-4,
            "steps": 8_000,
        },
    },
    denoiser={
        "num_attention_heads": 12,
        "attention_head_dim": 128,
        "ffn_dim": 8960,
        "num_layers": 30,
        "text_dim": 4096,
        "freq_dim": 256,
    },
    condition_tokens=512,
    condition_width=4096,
)
PAPER_SIZES: Final[Mapping[str, PaperSize]] = {str(size.facts["name"]): size for size in (_ANIMATEDIFF, _WAN)}
