"""A base without values: its denoiser on the meta device, ready to be counted or to be filled with anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch
from torch.nn import functional as F

from engine.adapters.miva import MivaAdapter
from engine.adapters.tensor_file import read_tensor_header
from engine.bases.base_folder import AUTOENCODER, base_folder, read_base_spec
from engine.bases.denoiser import empty_denoiser
from engine.bases.photo_view import PhotoView
from engine.bases.published_bases import published_bases
from engine.bases.unet_motion import UNetMotionBase
from engine.bases.wan import WanBase
from engine.recipe import apply_overrides, base_defaults, recipe_from_dict
from engine.training.adapter_plan import plan_adapter
from registry_schema.digests import Digest
from registry_schema.errors import IntegrityProblem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import Tensor

    from engine.bases.base import Base
    from engine.bases.denoiser_base import DenoiserBase
    from engine.bases.diffusers_types import DenoiserModel
    from engine.bases.published_bases import KnownPublication
    from registry_schema.base_spec import BaseFamily, BaseSpec

TOKENS: Final[dict[BaseFamily, int]] = {"unet_motion": 77, "wan": 512}
"""Of the text that published bases were trained with; without adapters they attend to as many."""


@dataclass(frozen=True)
class Blueprint:
    """What a base is made of.

    Attributes:
        spec: its facts.
        denoiser: on the meta device, float32.
        condition: tokens and width of the condition that stands for "no words".
        autoencoder: the folder of its autoencoder.
    """

    spec: BaseSpec
    denoiser: DenoiserModel
    condition: tuple[int, int]
    autoencoder: Path | None = None


def blueprint(name_or_folder: str | Path) -> Blueprint:
    """The blueprint of a published base by its name, of a packaged one by name, of any by its folder.

    Raises:
        NotFound: there is no such base.
        SchemaError, IntegrityProblem: its folder is not that of a base.
    """
    for known in published_bases():
        if known.base.facts.name == str(name_or_folder):
            return _published(known)
    folder = base_folder(name_or_folder)
    header = read_tensor_header(folder / "condition.safetensors")
    if "null" not in header.tensors:
        msg = f"condition.safetensors of base folder `{folder}` has no tensor `null`"
        raise IntegrityProblem(msg)
    _, tokens, width = header.tensors["null"].shape
    spec = read_base_spec(folder)
    return Blueprint(spec, empty_denoiser(folder, spec.family), (tokens, width), folder / AUTOENCODER)


def assemble(plan: Blueprint, denoiser: DenoiserModel | None = None) -> DenoiserBase:
    """A base around the blueprint's denoiser, or around another of its shape; it can predict, not code clips."""
    denoiser = plan.denoiser if denoiser is None else denoiser
    condition = torch.zeros(1, *plan.condition)
    autoencoder = _NoAutoencoder()
    if plan.spec.family == "wan":
        return WanBase(plan.spec, denoiser, autoencoder=autoencoder, condition=condition)
    view = _BlankView(denoiser.config.in_channels - plan.spec.latent.channels)
    return UNetMotionBase(plan.spec, denoiser, autoencoder=autoencoder, condition=condition, photo_view=view)


def in_format(denoiser: DenoiserModel, dtype: torch.dtype) -> DenoiserModel:
    """A denoiser of shapes in another number format; what diffusers keeps in float32 stays so."""
    kept = set(denoiser._keep_in_fp32_modules or ())
    for name, tensor in (*denoiser.named_parameters(), *denoiser.named_buffers()):
        if not kept & set(name.split(".")):
            tensor.data = tensor.data.to(dtype)
    return denoiser


def counted_adapter(
    base: Base, *, skip_first: bool = False, masked: bool = False, wishes: Sequence[str] = ()
) -> MivaAdapter:
    """An adapter as the base's own recipe makes it, without values where the base has none.

    Args:
        base: it stands on.
        skip_first: leave frame 0 out of cross-frame attention.
        masked: with a mask stream.
        wishes: more of the recipe, `section.key=value`.
    """
    wishes = ["adapter.motion=counted", f"adapter.skip_first={str(skip_first).lower()}", *wishes]
    recipe = recipe_from_dict(apply_overrides(base_defaults(base.spec, masked=masked), wishes))
    return MivaAdapter.create(plan_adapter(recipe, base.spec), base.sites())


def _published(known: KnownPublication) -> Blueprint:
    facts = known.base.facts
    spec = known.base.with_weights(Digest.of(b""), name=facts.name, files=(), sources=())
    condition = (TOKENS[facts.family], known.base.condition_width)
    return Blueprint(spec, empty_denoiser(known.folder, facts.family), condition, known.folder / AUTOENCODER)


class _BlankView(PhotoView):
    """As many channels of zeros beside every frame as a denoiser takes that sees the photo."""

    def __init__(self, channels: int) -> None:
        self._channels = channels

    def beside(self, noisy: Tensor, *, streams: int = 1) -> Tensor:
        return F.pad(noisy, (0, 0, 0, 0, 0, 0, 0, self._channels))


class _NoAutoencoder:
    """A `ClipAutoencoder` that codes nothing: what is counted begins and ends with latents."""

    def encode(self, pixels: Tensor) -> Tensor:
        raise NotImplementedError

    def decode(self, latents: Tensor) -> Tensor:
        raise NotImplementedError

    def origin(self, latents: Tensor) -> Tensor | None:
        raise NotImplementedError
