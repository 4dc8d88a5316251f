"""Base name or folder -> `Base`: the one place where a string picks a class."""

from __future__ import annotations

import difflib
import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import diffusers
import safetensors.torch
import torch

from engine.bases.autoencoder import FrameByFrame, KlAutoencoder
from engine.bases.autoencoder_on_demand import AutoencoderOnDemand
from engine.bases.fingerprint import folder_fingerprint, weights_digest
from engine.bases.image_encoder import ImageEncoder
from engine.bases.motion_autoencoder import KIND, MotionAutoencoder
from engine.bases.patch_autoencoder import PatchAutoencoder
from engine.bases.photo_view import PhotoView
from engine.bases.unet_motion import UNetMotionBase, unet_sites
from engine.bases.wan import WanBase, wan_sites
from engine.bases.wan_autoencoder import WanAutoencoder
from engine.device import aligned
from registry_schema.base_spec import BaseSpec
from registry_schema.errors import IntegrityProblem, NotFound
from registry_schema.safetensors_header import read_header

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.bases.attention_site import AttentionSite
    from engine.bases.autoencoder import ClipAutoencoder
    from engine.bases.denoiser_base import DenoiserBase
    from engine.bases.diffusers_types import DenoiserModel, DiffusersModel
    from engine.bases.memory_set import MemorySet
    from registry_schema.base_spec import BaseFamily
    from registry_schema.digests import Digest

PACKAGED = Path(__file__).parent
SPEC_NAME = "base.json"
IMAGE_ENCODER = "image_encoder"
"""Folder of what sees the photo for the denoiser, as in diffusers' image-to-video pipelines."""

_BASES: dict[BaseFamily, type[DenoiserBase]] = {"unet_motion": UNetMotionBase, "wan": WanBase}
_SITES: dict[BaseFamily, Callable[[DenoiserModel], tuple[AttentionSite, ...]]] = {
    "unet_motion": unet_sites,
    "wan": wan_sites,
}
_DENOISERS: dict[BaseFamily, str] = {"unet_motion": "UNetMotionModel", "wan": "WanTransformer3DModel"}
_AUTOENCODERS: dict[str, type[DiffusersModel]] = {
    "AutoencoderKL": diffusers.AutoencoderKL,
    "AutoencoderKLWan": diffusers.AutoencoderKLWan,
}


def packaged_bases() -> tuple[str, ...]:
    """Names of the bases that ship with the package."""
    return tuple(sorted(path.parent.name for path in PACKAGED.glob(f"*/{SPEC_NAME}")))


def base_folder(name_or_folder: str | Path) -> Path:
    """Where a base lies: a packaged one by name, any by its folder.

    Raises:
        NotFound: neither; the hint has the nearest name.
    """
    folder = Path(name_or_folder)
    if (folder / SPEC_NAME).is_file():
        return folder
    names = packaged_bases()
    if str(name_or_folder) in names:
        return PACKAGED / str(name_or_folder)
    near = difflib.get_close_matches(str(name_or_folder), names, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"packaged bases: {', '.join(names) or 'none'}"
    msg = f"base `{name_or_folder}` is not there, expected the name of a packaged base or a folder with `{SPEC_NAME}`"
    raise NotFound(msg, hint=hint)


def read_base_spec(name_or_folder: str | Path) -> BaseSpec:
    """What a base is, without loading it.

    Raises:
        NotFound: there is no such base.
        SchemaError: its `base.json` is not valid.
    """
    path = base_folder(name_or_folder) / SPEC_NAME
    return BaseSpec.parse(path.read_bytes(), source=str(path))


def load_base(
    name_or_folder: str | Path, *, device: torch.device, dtype: torch.dtype, condition: str = "null"
) -> DenoiserBase:
    """A base, ready to predict: `base.json`, `unet/` or `transformer/`, `vae/` and `condition.safetensors` of a folder.

    Some have an `image_encoder/` too. The architecture is checked against the spec from file headers; `verify_base`
    checks every byte.

    Args:
        name_or_folder: a packaged base or a folder.
        device: for all of it.
        dtype: of the denoiser; all else stays in float32.
        condition: tensor of the condition file that stands for words; `null` is for none.

    Raises:
        NotFound: there is no such base.
        SchemaError: its `base.json` is not valid.
        IntegrityProblem: its weights are not those of the spec's architecture, or it has no such condition.
    """
    folder = base_folder(name_or_folder)
    spec = read_base_spec(folder)
    weights = _denoiser_folder(folder)
    _require(spec.name, "architecture", expected=spec.architecture, found=folder_fingerprint(weights))
    denoiser = _frozen(getattr(diffusers, _DENOISERS[spec.family]), weights, device=device, dtype=dtype)
    autoencoder, tokens = _autoencoder(folder / "vae"), _condition(folder, condition)
    if isinstance(autoencoder, MotionAutoencoder):
        view = PhotoView(autoencoder, _image_encoder(folder, device))
        return UNetMotionBase(spec, denoiser, autoencoder=autoencoder, condition=tokens, photo_view=view)
    return _BASES[spec.family](spec, denoiser, autoencoder=autoencoder, condition=tokens)


def base_sites(name_or_folder: str | Path) -> tuple[AttentionSite, ...]:
    """The attention sites of a base on the meta device, from its configuration alone: no weight is loaded.

    Raises:
        NotFound: there is no such base.
        SchemaError: its `base.json` is not valid.
        IntegrityProblem: its denoiser's folder is not there.
    """
    folder = base_folder(name_or_folder)
    family = read_base_spec(folder).family
    model = getattr(diffusers, _DENOISERS[family])
    with torch.device("meta"):
        denoiser = model.from_config(model.load_config(_denoiser_folder(folder), local_files_only=True))
    return _SITES[family](denoiser)


def verify_base(name_or_folder: str | Path) -> None:
    """Make sure that a base's weights are, byte for byte, those its spec names.

    Raises:
        IntegrityProblem: they are not.
    """
    folder = base_folder(name_or_folder)
    spec = read_base_spec(folder)
    weights = _denoiser_folder(folder)
    _require(spec.name, "architecture", expected=spec.architecture, found=folder_fingerprint(weights))
    _require(spec.name, "weights", expected=spec.weights, found=weights_digest(*weight_folders(folder)))


def weight_folders(folder: Path) -> tuple[Path, ...]:
    """The folders whose weights an adapter is trained with: the denoiser's, and its image encoder's if it has one."""
    encoder = folder / IMAGE_ENCODER
    return (_denoiser_folder(folder), *((encoder,) if encoder.is_dir() else ()))


def _denoiser_folder(folder: Path) -> Path:
    for name in ("unet", "transformer"):
        if (folder / name).is_dir():
            return folder / name
    msg = f"base folder `{folder}` has neither `unet` nor `transformer`"
    raise IntegrityProblem(msg)


def _require(name: str, what: str, *, expected: Digest, found: Digest) -> None:
    if expected != found:
        msg = f"base `{name}`: digest of its {what} is `{found[:19]}...`, base.json says `{expected[:19]}...`"
        raise IntegrityProblem(msg, hint="install the base again")


def _condition(folder: Path, name: str) -> torch.Tensor:
    """1 n d: a tensor of the condition file; `null` is what the base was taught to take for "no words"."""
    path = folder / "condition.safetensors"
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
    config = json.loads((folder / "config.json").read_text())
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
    model = _frozen(_AUTOENCODERS[kind], folder, device=device)
    if memory.tiles:
        model.enable_tiling()
    if kind == "AutoencoderKLWan":
        return WanAutoencoder(model)
    return FrameByFrame(KlAutoencoder(model), at_once=memory.frames_at_once)


def _frozen(
    model: type[DiffusersModel], folder: Path, *, device: torch.device, dtype: torch.dtype = torch.float32
) -> DiffusersModel:
    diffusers.utils.logging.disable_progress_bar()
    loaded = model.from_pretrained(folder, torch_dtype=dtype, use_safetensors=True, local_files_only=True).to(device)
    for parameter in loaded.parameters():
        parameter.data = aligned(parameter.data)
    return loaded.requires_grad_(requires_grad=False).eval()
