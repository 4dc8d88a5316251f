"""Base name or folder -> `Base`: the one place where a string picks a class."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import diffusers
import safetensors.torch
import torch

from engine.bases.autoencoder import FrameByFrame, KlAutoencoder
from engine.bases.autoencoder_on_demand import AutoencoderOnDemand
from engine.bases.base_folder import (
    AUTOENCODER,
    CONDITION_NAME,
    CONFIG_NAME,
    IMAGE_ENCODER,
    base_folder,
    check_architecture,
    read_base_spec,
)
from engine.bases.denoiser import empty_denoiser, load_denoiser, load_frozen
from engine.bases.image_encoder import ImageEncoder
from engine.bases.memory_set import WHOLE
from engine.bases.motion_autoencoder import KIND, MotionAutoencoder
from engine.bases.patch_autoencoder import PatchAutoencoder
from engine.bases.photo_view import PhotoView
from engine.bases.unet_motion import UNetMotionBase, unet_sites
from engine.bases.wan import WanBase, wan_sites
from engine.bases.wan_autoencoder import WanAutoencoder
from engine.device import aligned
from registry_schema.errors import IntegrityProblem
from registry_schema.safetensors_header import read_header

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from engine.bases.attention_site import AttentionSite
    from engine.bases.autoencoder import ClipAutoencoder
    from engine.bases.denoiser_base import DenoiserBase
    from engine.bases.diffusers_types import DenoiserModel, DiffusersModel
    from engine.bases.memory_set import MemorySet
    from registry_schema.base_spec import BaseFamily

_BASES: dict[BaseFamily, type[DenoiserBase]] = {"unet_motion": UNetMotionBase, "wan": WanBase}
_SITES: dict[BaseFamily, Callable[[DenoiserModel], tuple[AttentionSite, ...]]] = {
    "unet_motion": unet_sites,
    "wan": wan_sites,
}
_AUTOENCODERS: dict[str, type[DiffusersModel]] = {
    "AutoencoderKL": diffusers.AutoencoderKL,
    "AutoencoderKLWan": diffusers.AutoencoderKLWan,
}


def load_base(
    name_or_folder: str | Path,
    *,
    device: torch.device,
    dtype: torch.dtype,
    condition: str = "null",
    search: Sequence[Path] = (),
    memory: MemorySet = WHOLE,
) -> DenoiserBase:
    """A base, ready to predict, from a folder as `engine.bases.base_folder` describes it.

    The architecture is checked against the spec from file headers; `verify_base` checks every byte.

    Args:
        name_or_folder: a base by its name, or a folder.
        device: for all of it.
        dtype: of the denoiser; all else stays in float32.
        condition: tensor of the condition file that stands for words; `null` is for none.
        search: folders with installed bases; see `base_folder`.
        memory: what stays on the device; the rest never lies there as a whole.

    Raises:
        NotFound: there is no such base.
        SchemaError: its `base.json` is not valid.
        IntegrityProblem: its weights are not those of the spec's architecture, or it has no such condition.
    """
    folder = base_folder(name_or_folder, search=search)
    spec = read_base_spec(folder)
    check_architecture(folder, spec)
    place = device if memory == WHOLE else torch.device("cpu")
    denoiser = load_denoiser(folder, spec.family, device=place, dtype=dtype)
    autoencoder, tokens = _autoencoder(folder / AUTOENCODER), _condition(folder, condition)
    if isinstance(autoencoder, MotionAutoencoder):
        view = PhotoView(autoencoder, _image_encoder(folder, place))
        base: DenoiserBase = UNetMotionBase(spec, denoiser, autoencoder=autoencoder, condition=tokens, photo_view=view)
    else:
        base = _BASES[spec.family](spec, denoiser, autoencoder=autoencoder, condition=tokens)
    if memory != WHOLE:
        base.save_memory(memory, device)
    return base


def base_sites(name_or_folder: str | Path) -> tuple[AttentionSite, ...]:
    """The attention sites of a base on the meta device, from its configuration alone: no weight is loaded.

    Raises:
        NotFound: there is no such base.
        SchemaError: its `base.json` is not valid.
        IntegrityProblem: its denoiser's folder is not there.
    """
    folder = base_folder(name_or_folder)
    return folder_sites(folder, read_base_spec(folder).family)


def folder_sites(folder: Path, family: BaseFamily) -> tuple[AttentionSite, ...]:
    """The same from a folder that may hold the configuration of a denoiser and nothing else."""
    return _SITES[family](empty_denoiser(folder, family))


def _condition(folder: Path, name: str) -> torch.Tensor:
    """1 n d: a tensor of the condition file; `null` is what the base was taught to take for "no words"."""
    path = folder / CONDITION_NAME
    with path.open("rb") as stream:
        header = read_header(stream, path.stat().st_size, source=path.name)
    if name not in header.tensors or len(header.tensors[name].shape) != 3:
        msg = f"{path.name}: has no tensor `{name}` of three axes"
        raise IntegrityProblem(msg)
    return aligned(safetensors.torch.load_file(path)[name])


def _image_encoder(folder: Path, device: torch.device) -> ImageEncoder | None:
    encoder = folder / IMAGE_ENCODER
    return ImageEncoder.load(encoder).to(device) if encoder.is_dir() else None


def _autoencoder(folder: Path) -> ClipAutoencoder:
    config = json.loads((folder / CONFIG_NAME).read_text())
    kind = config.get("_class_name") or config.get("kind")
    if kind == KIND:
        return MotionAutoencoder.load(folder)
    if kind == "lapped-transform":
        return FrameByFrame(PatchAutoencoder.load(folder))
    if kind in _AUTOENCODERS:
        return AutoencoderOnDemand(partial(_learned_autoencoder, kind, folder))
    msg = f"autoencoder `{kind}` of base folder `{folder.parent}` is not known"
    raise IntegrityProblem(msg)


def _learned_autoencoder(kind: str, folder: Path, device: torch.device, memory: MemorySet) -> ClipAutoencoder:
    model = load_frozen(_AUTOENCODERS[kind], folder, device=device)
    if memory.tiles:
        model.enable_tiling()
    if kind == "AutoencoderKLWan":
        return WanAutoencoder(model)
    return FrameByFrame(KlAutoencoder(model), at_once=memory.frames_at_once)
