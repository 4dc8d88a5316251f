"""Small random models of the classes that published metrics use, and folders with their weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import safetensors.torch
import torch
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection, ViTConfig, ViTModel

from engine.metrics.networks.amt import Amt
from engine.metrics.networks.musiq import Musiq, MusiqShape
from engine.metrics.networks.raft import Raft
from engine.metrics.weights_folder import TENSORS, WeightsFolder, write_record

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

SMALL = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}


def small_dino() -> ViTModel:
    torch.manual_seed(0)
    return ViTModel(ViTConfig(**SMALL, image_size=224, patch_size=32), add_pooling_layer=False).eval()


def small_clip() -> CLIPVisionModelWithProjection:
    torch.manual_seed(1)
    config = CLIPVisionConfig(**SMALL, image_size=224, patch_size=56, projection_dim=8)
    return CLIPVisionModelWithProjection(config).eval()


def small_musiq() -> Musiq:
    torch.manual_seed(2)
    return Musiq(MusiqShape(width=24, inner=32, heads=6, layers=2)).eval()


def small_head() -> nn.Linear:
    torch.manual_seed(3)
    return torch.nn.Linear(8, 1)


def write_small_weights(folder: Path) -> WeightsFolder:
    """All seven, as `weights fetch bench` leaves them."""
    small_dino().save_pretrained(folder / "dino-vitb16")
    for name in ("clip-vit-b32", "clip-vit-l14"):
        small_clip().save_pretrained(folder / name)
    torch.manual_seed(4)
    networks = {"laion-aesthetic": small_head(), "musiq-spaq": small_musiq(), "amt-s": Amt(), "raft-things": Raft(8)}
    for name, network in networks.items():
        (folder / name).mkdir(parents=True)
        state = {key: tensor.clone() for key, tensor in network.state_dict().items()}
        safetensors.torch.save_file(state, folder / name / TENSORS)
    for place in folder.iterdir():
        write_record(place, {})
    return WeightsFolder(folder)
