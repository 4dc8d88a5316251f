"""A detector and a cutter of a few thousand random weights, in the classes and the layout of the real ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from transformers import (
    BertConfig,
    BertTokenizerFast,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    Sam2Config,
    Sam2MaskDecoderConfig,
    Sam2Model,
    Sam2PromptEncoderConfig,
    Sam2VisionConfig,
    SwinConfig,
)

from engine.masks.published_models import CUTTER, DETECTOR

if TYPE_CHECKING:
    from pathlib import Path

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "?", "bird", "birds", "horse")
SIDE = 64


def write_segmenter(folder: Path) -> Path:
    """Both models below `folder`, as `save_pretrained` writes them."""
    torch.manual_seed(0)
    detector().save_pretrained(folder / DETECTOR)
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(WORDS))
    BertTokenizerFast(vocab=str(vocabulary)).save_pretrained(folder / DETECTOR)
    vocabulary.unlink()
    cutter().save_pretrained(folder / CUTTER)
    return folder


def detector() -> GroundingDinoForObjectDetection:
    text = BertConfig(vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
                      intermediate_size=16, max_position_embeddings=64)  # fmt: skip
    picture = SwinConfig(image_size=32, embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 1, 1], window_size=4,
                         out_features=["stage2", "stage3", "stage4"])  # fmt: skip
    return GroundingDinoForObjectDetection(
        GroundingDinoConfig(
            backbone_config=picture, text_config=text, d_model=32, num_queries=5, encoder_layers=1, decoder_layers=2,
            encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16,
            num_feature_levels=4, max_text_len=32,
        )
    ).eval()  # fmt: skip


def cutter() -> Sam2Model:
    hiera = {
        "hidden_size": 8, "image_size": [SIDE, SIDE], "blocks_per_stage": [1, 2, 2, 1],
        "embed_dim_per_stage": [8, 16, 32, 64], "num_attention_heads_per_stage": [1, 1, 1, 1],
        "window_size_per_stage": [4, 4, 4, 4], "global_attention_blocks": [4],
        "window_positional_embedding_background_size": [4, 4], "model_type": "sam2_hiera_det_model",
    }  # fmt: skip
    vision = Sam2VisionConfig(
        backbone_config=hiera, backbone_channel_list=[64, 32, 16, 8], fpn_hidden_size=32,
        backbone_feature_sizes=[[16, 16], [8, 8], [4, 4]],
    )  # fmt: skip
    return Sam2Model(
        Sam2Config(
            vision_config=vision,
            prompt_encoder_config=Sam2PromptEncoderConfig(hidden_size=32, image_size=SIDE, mask_input_channels=4),
            mask_decoder_config=Sam2MaskDecoderConfig(
                hidden_size=32, mlp_dim=32, num_attention_heads=2, iou_head_hidden_dim=32
            ),
        )
    ).eval()
