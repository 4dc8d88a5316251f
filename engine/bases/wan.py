"""Bases of the Wan 2.1 family: diffusers' `WanTransformer3DModel`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.bases.attention_site import AttentionSite
from engine.bases.denoiser_base import DenoiserBase
from engine.bases.residual_stream import ResidualStream
from engine.bases.wan_attention import WanAttentionLayer
from registry_schema.errors import Incompatible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor, nn

    from engine.bases.attention_site import SiteKind
    from engine.bases.diffusers_types import DenoiserModel

_LAYER = WanAttentionLayer()
_KINDS: dict[str, SiteKind] = {"attn1": "self", "attn2": "cross"}


class WanBase(DenoiserBase):
    """A `Base` around `WanTransformer3DModel`. Layers see b (f n) d; time attention is part of self attention.

    Cross-frame attention follows Eq. (2), in parallel to self attention: x + gate * (SA(u) + l1 CFA + l2 CFA) with
    u the modulated, normalised input. In the authors' code it stands behind: x + gate * SA(u), then x + CFA(x); see
    `engine.adapters.sequential`.
    """

    def _denoise(self, noisy: Tensor, timestep: Tensor) -> Tensor:
        condition = self._condition.expand(noisy.shape[0], -1, -1)
        return self.denoiser(noisy, timestep, encoder_hidden_states=condition, return_dict=False)[0]

    def _time_module(self) -> nn.Module:
        return self.denoiser.condition_embedder

    def _embed_time(self, timestep: Tensor) -> Tensor:
        # one token of the text is enough: its embedding is not used
        return self.denoiser.condition_embedder(timestep, self._condition[:, :1])[0]

    def _find_sites(self) -> tuple[AttentionSite, ...]:
        return wan_sites(self.denoiser)

    def _repeated_blocks(self) -> Iterable[nn.Module]:
        return list(self.denoiser.blocks)

    def _checkpointed_modules(self) -> Iterable[nn.Module]:
        return list(self.denoiser.blocks)


def wan_sites(denoiser: DenoiserModel) -> tuple[AttentionSite, ...]:
    """The attention sites of a `WanTransformer3DModel`: one self and one cross site per block.

    Raises:
        Incompatible: the model patches time or wants image embeddings.
    """
    config = denoiser.config
    patch_frames, patch_height, patch_width = config.patch_size
    if patch_frames != 1 or patch_height != patch_width or config.added_kv_proj_dim is not None:
        patch = " x ".join(map(str, config.patch_size))
        msg = f"Wan model with patches of `{patch}`, expected square patches of one frame and no image branch"
        raise Incompatible(msg)
    return tuple(
        AttentionSite(
            path=f"blocks.{index}.{name}",
            kind=kind,
            width=config.num_attention_heads * config.attention_head_dim,
            heads=config.num_attention_heads,
            time_width=config.num_attention_heads * config.attention_head_dim,
            down_scale=patch_height,
            module=getattr(block, name),
            layer=_LAYER,
            stream=ResidualStream(norm=block.norm2, reader=block.attn2) if kind == "self" else None,
        )
        for index, block in enumerate(denoiser.blocks)
        for name, kind in _KINDS.items()
    )
