"""The denoiser of a base's folder as a diffusers model: without weights on the meta device, or loaded and frozen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import diffusers
import torch
from safetensors.torch import load_file

from engine.bases.base_folder import MOTION_ADAPTER, denoiser_folder, denoiser_folders
from engine.bases.fingerprint import weight_files
from engine.device import aligned

if TYPE_CHECKING:
    from pathlib import Path

    from engine.bases.diffusers_types import DenoiserModel, DiffusersModel
    from registry_schema.base_spec import BaseFamily

_DENOISERS: dict[BaseFamily, str] = {"unet_motion": "UNetMotionModel", "wan": "WanTransformer3DModel"}


def empty_denoiser(folder: Path, family: BaseFamily) -> DenoiserModel:
    """The denoiser on the meta device, from the configurations in a base's folder alone.

    Raises:
        IntegrityProblem: the folder has none.
    """
    if (folder / MOTION_ADAPTER).is_dir():
        unet = empty_model(diffusers.UNet2DConditionModel, denoiser_folder(folder))
        adapter = empty_model(diffusers.MotionAdapter, folder / MOTION_ADAPTER)
        with torch.device("meta"):
            return diffusers.UNetMotionModel.from_unet2d(unet, adapter, load_weights=False)
    return empty_model(getattr(diffusers, _DENOISERS[family]), denoiser_folder(folder))


def empty_model(model: type[DiffusersModel], folder: Path) -> DiffusersModel:
    """A diffusers model on the meta device, from the configuration in `folder`."""
    with torch.device("meta"):
        return model.from_config(model.load_config(folder, local_files_only=True))


def load_denoiser(folder: Path, family: BaseFamily, *, device: torch.device, dtype: torch.dtype) -> DenoiserModel:
    """The denoiser with its weights, frozen.

    A U-Net whose motion modules lie apart is put together here, as diffusers' `UNetMotionModel.from_unet2d` does; its
    files stay as they were published, and no second copy of the weights is made.

    Raises:
        IntegrityProblem: the folder has none.
    """
    if not (folder / MOTION_ADAPTER).is_dir():
        model = getattr(diffusers, _DENOISERS[family])
        return load_frozen(model, denoiser_folder(folder), device=device, dtype=dtype)
    denoiser = empty_denoiser(folder, family)
    tensors: dict[str, torch.Tensor] = {}
    for path in (path for part in denoiser_folders(folder) for path in weight_files(part)):
        tensors |= {name: aligned(value.to(device, dtype)) for name, value in load_file(path).items()}
    denoiser.load_state_dict(tensors, strict=True, assign=True)
    return denoiser.requires_grad_(requires_grad=False).eval()


def load_frozen(
    model: type[DiffusersModel], folder: Path, *, device: torch.device, dtype: torch.dtype = torch.float32
) -> DiffusersModel:
    """A diffusers model from its folder: safetensors only, no network, no gradients."""
    diffusers.utils.logging.disable_progress_bar()
    loaded = model.from_pretrained(folder, torch_dtype=dtype, use_safetensors=True, local_files_only=True).to(device)
    for parameter in loaded.parameters():
        parameter.data = aligned(parameter.data)
    return loaded.requires_grad_(requires_grad=False).eval()
