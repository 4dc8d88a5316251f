"""The models of published metrics, from a weights folder; nothing is fetched here."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import safetensors.torch
from torch import nn
from transformers import CLIPVisionModelWithProjection, ViTModel

from engine.metrics.networks.amt import Amt
from engine.metrics.networks.musiq import Musiq, MusiqShape
from engine.metrics.networks.raft import Raft
from engine.metrics.weights_folder import TENSORS
from registry_schema.errors import IntegrityProblem

if TYPE_CHECKING:
    from torch import Tensor

    from engine.metrics.weights_folder import WeightsFolder

WRAPPED = ("state_dict", "params", "model")


def dino(weights: WeightsFolder) -> nn.Module:
    """DINO without a pooler, as it was published."""
    model: nn.Module = ViTModel.from_pretrained(
        weights.place("dino-vitb16"), add_pooling_layer=False, local_files_only=True, use_safetensors=True
    )
    return model.eval()


def clip(weights: WeightsFolder, name: str) -> nn.Module:
    """The picture side of a CLIP."""
    model: nn.Module = CLIPVisionModelWithProjection.from_pretrained(
        weights.place(name), local_files_only=True, use_safetensors=True
    )
    return model.eval()


def aesthetic_head(weights: WeightsFolder) -> nn.Linear:
    """LAION's head."""
    tensors = _tensors(weights, "laion-aesthetic")
    width = tensors["weight"].shape[1] if "weight" in tensors else 768
    return _filled(nn.Linear(width, 1), tensors, "laion-aesthetic")


def musiq(weights: WeightsFolder) -> Musiq:
    """MUSIQ, of the size of its file."""
    tensors = _tensors(weights, "musiq-spaq")
    layers = {name.split(".")[2] for name in tensors if name.startswith("transformer_encoder.transformer.")}
    width, inner = tensors["transformer_encoder.transformer.encoderblock_0.mlp.fc1.weight"].shape[::-1]
    return _filled(Musiq(MusiqShape(width=width, inner=inner, layers=len(layers))), tensors, "musiq-spaq")


def amt(weights: WeightsFolder) -> Amt:
    """AMT-S."""
    return _filled(Amt(), _tensors(weights, "amt-s"), "amt-s")


def raft(weights: WeightsFolder) -> Raft:
    """RAFT; its file was saved from several cards, which shows in its names."""
    tensors = {name.removeprefix("module."): tensor for name, tensor in _tensors(weights, "raft-things").items()}
    width = tensors["fnet.conv2.weight"].shape[0] // 2 if "fnet.conv2.weight" in tensors else 128
    return _filled(Raft(width), tensors, "raft-things")


def _tensors(weights: WeightsFolder, name: str) -> dict[str, Tensor]:
    """All tensors, without the name of the table that some files have around them."""
    tensors = safetensors.torch.load_file(weights.place(name) / TENSORS)
    for table in WRAPPED:
        if tensors and all(key.startswith(f"{table}.") for key in tensors):
            return {key.removeprefix(f"{table}."): tensor for key, tensor in tensors.items()}
    return tensors


Network = TypeVar("Network", bound=nn.Module)


def _filled(network: Network, tensors: dict[str, Tensor], name: str) -> Network:
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        first = str(error).splitlines()[1:2]
        raise IntegrityProblem(
            f"weights `{name}` are not those of the network: {''.join(first).strip()}",
            hint="run `mivactl weights fetch bench --again`",
        ) from error
    return network.eval().requires_grad_(requires_grad=False)
