"""Bases of the AnimateDiff family: diffusers' `UNetMotionModel`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.attention_processor import Attention
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from diffusers.models.unets.unet_motion_model import AnimateDiffTransformer3D

from engine.bases.attention_site import AttentionSite, SiteKind
from engine.bases.denoiser_base import DenoiserBase
from engine.bases.frame_norm import normalise_each_frame
from engine.bases.gated_output import clean_clip
from engine.bases.unet_attention import UNetAttention
from registry_schema.errors import Incompatible

if TYPE_CHECKING:
    from collections.abc import Iterable

    import torch
    from torch import Tensor, nn

    from engine.bases.autoencoder import ClipAutoencoder
    from engine.bases.diffusers_types import AttentionModule, DenoiserModel
    from engine.bases.memory_set import MemorySet
    from engine.bases.photo_view import PhotoView
    from registry_schema.base_spec import BaseSpec

_SITE = re.compile(
    r"(?P<side>down|mid|up)_blocks?(\.(?P<level>\d+))?"
    r"\.(?P<kind>attentions|motion_modules)\.\d+\.transformer_blocks\.\d+\.attn[12]"
)
_LAYER = UNetAttention()


class UNetMotionBase(DenoiserBase):
    """A `Base` around `UNetMotionModel`. Spatial layers see (b f) n d, temporal layers (b n) f d."""

    def __init__(
        self,
        spec: BaseSpec,
        denoiser: DenoiserModel,
        *,
        autoencoder: ClipAutoencoder,
        condition: Tensor,
        photo_view: PhotoView | None = None,
    ) -> None:
        """Take what all bases have, and what is laid beside every frame for denoisers that take it."""
        if spec.motion_norm == "frame":
            normalise_each_frame(denoiser)
        super().__init__(spec, denoiser, autoencoder=autoencoder, condition=condition)
        self._photo_view = photo_view

    def save_memory(self, memory: MemorySet, device: torch.device) -> None:
        """Compute on `device`, what sees the photo included; see `DenoiserBase.save_memory`."""
        super().save_memory(memory, device)
        if self._photo_view is not None:
            self._photo_view.to(device)

    def _denoise(self, noisy: Tensor, timestep: Tensor) -> Tensor:
        seen = noisy if self._photo_view is None else self._photo_view.beside(noisy, streams=self.calls.get().streams)
        rows = noisy.shape[0] * noisy.shape[2]
        condition = self._condition.expand(rows, -1, -1)
        output = self.denoiser(seen, timestep, encoder_hidden_states=condition, return_dict=False)[0]
        return clean_clip(output, noisy)

    def _time_module(self) -> nn.Module:
        return self.denoiser.time_embedding

    def _embed_time(self, timestep: Tensor) -> Tensor:
        return self.denoiser.time_embedding(self.denoiser.time_proj(timestep).to(self.dtype))

    def _find_sites(self) -> tuple[AttentionSite, ...]:
        return unet_sites(self.denoiser)

    def _repeated_blocks(self) -> Iterable[nn.Module]:
        # transformer blocks of both kinds, spatial and motion, are of one class
        return [
            module for module in self.denoiser.modules() if isinstance(module, BasicTransformerBlock | ResnetBlock2D)
        ]

    def _checkpointed_modules(self) -> Iterable[nn.Module]:
        kinds = (ResnetBlock2D, Transformer2DModel, AnimateDiffTransformer3D)
        return [module for module in self.denoiser.modules() if isinstance(module, kinds)]


def unet_sites(denoiser: DenoiserModel) -> tuple[AttentionSite, ...]:
    """The attention sites of a `UNetMotionModel`, in its own order.

    Raises:
        Incompatible: a layer of another kind than the processors were written for.
    """
    deepest = len(denoiser.config.block_out_channels) - 1
    return tuple(
        _site(denoiser, match, module, deepest)
        for path, module in denoiser.named_modules()
        if isinstance(module, Attention) and (match := _SITE.fullmatch(path))
    )


def _site(denoiser: DenoiserModel, match: re.Match[str], module: AttentionModule, deepest: int) -> AttentionSite:
    _require_plain(match.string, module)
    return AttentionSite(
        path=match.string,
        kind=_kind(match["kind"], module),
        width=module.to_q.in_features,
        heads=module.heads,
        time_width=denoiser.time_embedding.linear_2.out_features,
        down_scale=2 ** _level(match["side"], match["level"], deepest),
        module=module,
        layer=_LAYER,
    )


def _kind(group: str, module: AttentionModule) -> SiteKind:
    if group == "motion_modules":
        return "temporal"
    return "cross" if module.is_cross_attention else "self"


def _level(side: str, index: str | None, deepest: int) -> int:
    if side == "mid":
        return deepest
    return int(index or 0) if side == "down" else deepest - int(index or 0)


def _require_plain(path: str, module: AttentionModule) -> None:
    special = (module.spatial_norm, module.group_norm, module.norm_q, module.norm_k)
    if any(part is not None for part in special) or module.residual_connection or module.rescale_output_factor != 1:
        msg = f"attention layer `{path}` has norms or residuals of its own, expected plain attention"
        raise Incompatible(msg)
