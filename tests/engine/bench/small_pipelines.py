"""Other people's pipelines as small random models of their own classes; nothing is downloaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import diffusers
import torch
from transformers import (
    CLIPImageProcessor,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    T5Config,
    UMT5EncoderModel,
)

from tests.engine.interop.tiny_pipelines import _clip_tokenizer, _word_tokenizer

if TYPE_CHECKING:
    from pathlib import Path

DDIM = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "linear", "clip_sample": False}


def small_pipeline(kind: str, folder: Path) -> Any:
    """The pipeline of a kind; `folder` is for the files of a tokenizer."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return {"svd": _svd, "i2vgen-xl": _i2vgen, "pia": _pia, "wan-i2v": _wan}[kind](folder)


def _svd(_folder: Path) -> Any:
    unet = diffusers.UNetSpatioTemporalConditionModel(
        block_out_channels=(32, 64),
        layers_per_block=1,
        sample_size=32,
        in_channels=8,
        out_channels=4,
        down_block_types=("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"),
        up_block_types=("UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"),
        cross_attention_dim=32,
        num_attention_heads=8,
        projection_class_embeddings_input_dim=96,
        addition_time_embed_dim=32,
    )
    scheduler = diffusers.EulerDiscreteScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        sigma_max=700.0,
        sigma_min=0.002,
        steps_offset=1,
        timestep_spacing="leading",
        timestep_type="continuous",
        use_karras_sigmas=True,
    )
    vae = diffusers.AutoencoderKLTemporalDecoder(
        block_out_channels=(32, 64), down_block_types=("DownEncoderBlock2D",) * 2, latent_channels=4
    )
    return diffusers.StableVideoDiffusionPipeline(
        vae=vae.eval(),
        image_encoder=_vision(width=32, side=224, patch=112),
        unet=unet.eval(),
        scheduler=scheduler,
        feature_extractor=CLIPImageProcessor(crop_size=224, size=224),
    )


def _i2vgen(folder: Path) -> Any:
    unet = diffusers.I2VGenXLUNet(
        block_out_channels=(4, 8),
        layers_per_block=1,
        sample_size=32,
        in_channels=4,
        out_channels=4,
        down_block_types=("CrossAttnDownBlock3D", "DownBlock3D"),
        up_block_types=("UpBlock3D", "CrossAttnUpBlock3D"),
        cross_attention_dim=4,
        attention_head_dim=4,
        norm_num_groups=2,
    )
    return diffusers.I2VGenXLPipeline(
        vae=_vae((8, 8)),
        text_encoder=_text(width=4, layers=2),
        tokenizer=_clip_tokenizer(folder),
        image_encoder=_vision(width=4, side=32, patch=16),
        feature_extractor=CLIPImageProcessor(crop_size=32, size=32),
        unet=unet.eval(),
        scheduler=diffusers.DDIMScheduler(**DDIM),
    )


def _pia(folder: Path) -> Any:
    unet = diffusers.UNet2DConditionModel(
        block_out_channels=(8, 8),
        layers_per_block=1,
        sample_size=8,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=8,
        norm_num_groups=2,
    )
    motion = diffusers.MotionAdapter(
        block_out_channels=(8, 8),
        motion_layers_per_block=1,
        motion_norm_num_groups=2,
        motion_num_attention_heads=4,
        conv_in_channels=9,
    )
    return diffusers.PIAPipeline(
        vae=_vae((8, 8)),
        text_encoder=_text(width=8, layers=1),
        tokenizer=_clip_tokenizer(folder),
        unet=unet.eval(),
        scheduler=diffusers.DDIMScheduler(**DDIM),
        motion_adapter=motion.eval(),
    )


def _wan(_folder: Path) -> Any:
    vae = diffusers.AutoencoderKLWan(
        base_dim=4,
        z_dim=4,
        dim_mult=[1, 1, 1, 1],
        num_res_blocks=1,
        temperal_downsample=[False, True, True],
        latents_mean=[0.0] * 4,
        latents_std=[1.0] * 4,
    )
    denoiser = diffusers.WanTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=12,
        in_channels=12,
        out_channels=4,
        text_dim=8,
        freq_dim=16,
        ffn_dim=16,
        num_layers=1,
        rope_max_seq_len=32,
    )
    text = UMT5EncoderModel(T5Config(vocab_size=5, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2))
    return diffusers.WanImageToVideoPipeline(
        tokenizer=_word_tokenizer(),
        text_encoder=text.eval(),
        vae=vae.eval(),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=5.0),
        transformer=denoiser.eval(),
    )


def _vae(channels: tuple[int, ...]) -> Any:
    return diffusers.AutoencoderKL(
        block_out_channels=channels,
        down_block_types=("DownEncoderBlock2D",) * len(channels),
        up_block_types=("UpDecoderBlock2D",) * len(channels),
        latent_channels=4,
        norm_num_groups=2,
    ).eval()


def _text(*, width: int, layers: int) -> CLIPTextModel:
    config = CLIPTextConfig(
        vocab_size=5,
        hidden_size=width,
        intermediate_size=16,
        num_hidden_layers=layers,
        num_attention_heads=2,
        max_position_embeddings=7,
        bos_token_id=3,
        eos_token_id=4,
        pad_token_id=4,
    )
    return CLIPTextModel(config).eval()


def _vision(*, width: int, side: int, patch: int) -> CLIPVisionModelWithProjection:
    config = CLIPVisionConfig(
        hidden_size=width,
        projection_dim=width,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=side,
        patch_size=patch,
    )
    return CLIPVisionModelWithProjection(config).eval()
