"""Pipelines of diffusers around tiny random models, with text encoders of a few numbers; nothing is downloaded."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import torch
from diffusers import (
    AnimateDiffPipeline,
    AutoencoderKL,
    AutoencoderKLWan,
    DDIMScheduler,
    FlowMatchEulerDiscreteScheduler,
    MotionAdapter,
    WanPipeline,
)
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTokenizer,
    PreTrainedTokenizerFast,
    T5Config,
    UMT5EncoderModel,
)

from tests.engine.tiny_bases import tiny_unet_base
from tests.engine.tiny_wan import tiny_wan_base

if TYPE_CHECKING:
    from pathlib import Path

FRAMES = 4


def animatediff_pipeline(folder: Path) -> tuple[AnimateDiffPipeline, object]:
    """The pipeline, and our own base around the same denoiser with the embedding of the empty prompt as condition."""
    base = tiny_unet_base()
    pipeline = animatediff_around(base.denoiser, folder)
    words, _ = pipeline.encode_prompt("", "cpu", 1, False)
    base._condition = words
    return pipeline, base


def animatediff_around(denoiser, folder: Path, *, prediction: str = "epsilon") -> AnimateDiffPipeline:
    """A pipeline around a denoiser that reads words of 16 numbers."""
    levels = {"down_block_types": ("DownEncoderBlock2D",) * 3, "up_block_types": ("UpDecoderBlock2D",) * 3}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        config = CLIPTextConfig(
            vocab_size=5,
            hidden_size=16,
            intermediate_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            max_position_embeddings=7,
            bos_token_id=3,
            eos_token_id=4,
            pad_token_id=4,
        )
        text = CLIPTextModel(config).eval()
        vae = AutoencoderKL(block_out_channels=(8, 8, 8), norm_num_groups=4, **levels).eval()
        # FreeNoise asks it how long clips may be; the U-Net has motion modules of its own
        motion = MotionAdapter(
            block_out_channels=(16, 32),
            motion_layers_per_block=1,
            motion_num_attention_heads=2,
            motion_norm_num_groups=8,
            motion_max_seq_length=16,
            use_motion_mid_block=False,
        )
    scheduler = DDIMScheduler(
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        steps_offset=1,
        clip_sample=False,
        prediction_type=prediction,
    )
    pipeline = AnimateDiffPipeline(vae, text, _clip_tokenizer(folder), denoiser, motion, scheduler)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def wan_pipeline(folder: Path) -> tuple[WanPipeline, object]:
    """The same of Wan."""
    base = tiny_wan_base()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        text = UMT5EncoderModel(T5Config(vocab_size=5, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2)).eval()
        vae = AutoencoderKLWan(base_dim=4, z_dim=4, dim_mult=[1, 1, 1, 1], num_res_blocks=1,
                               temperal_downsample=[False, True, True],
                               latents_mean=[0.0] * 4, latents_std=[1.0] * 4).eval()  # fmt: skip
    scheduler = FlowMatchEulerDiscreteScheduler(shift=5.0)
    pipeline = WanPipeline(_word_tokenizer(), text, vae, scheduler, base.denoiser)
    pipeline.set_progress_bar_config(disable=True)
    words, _ = pipeline.encode_prompt("", None, False, max_sequence_length=5)
    base._condition = words
    return pipeline, base


def run(pipeline, *, seed: int = 0) -> torch.Tensor:
    """Latents of a small clip from noise of `seed`; one pass per step."""
    generator = torch.Generator().manual_seed(seed)
    common = {"prompt": "", "num_inference_steps": 2, "guidance_scale": 1.0, "generator": generator,
              "height": 32, "width": 32, "output_type": "latent"}  # fmt: skip
    if isinstance(pipeline, WanPipeline):
        return pipeline(**common, num_frames=9, max_sequence_length=5).frames
    return pipeline(**common, num_frames=FRAMES).frames


def _clip_tokenizer(folder: Path) -> CLIPTokenizer:
    words = {"a</w>": 0, "b</w>": 1, "c</w>": 2, "<|startoftext|>": 3, "<|endoftext|>": 4}
    (folder / "vocab.json").write_text(json.dumps(words))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer(
        str(folder / "vocab.json"), str(folder / "merges.txt"), unk_token="<|endoftext|>", model_max_length=7
    )


def _word_tokenizer() -> PreTrainedTokenizerFast:
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({"<pad>": 0, "</s>": 1, "<unk>": 2, "a": 3}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=512
    )
