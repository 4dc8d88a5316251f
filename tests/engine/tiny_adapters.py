"""Adapters for tests: specs from a few words, tensors that do something, and latents to try them on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from engine.adapters.miva import MivaAdapter
from engine.shapes import latent_shape
from registry_schema.adapter_spec import (
    AdapterSpec,
    CrossFrameAttentionSpec,
    ImplicitPromptSpec,
    TemporalLoraSpec,
    Weighting,
)
from registry_schema.ranks import Ranks

if TYPE_CHECKING:
    from engine.bases.base import Base


def adapter_spec(
    base: Base,
    *,
    ranks: Ranks,
    combine: str = "separate",
    rotary: bool = False,
    skip_first: bool = False,
    weighting: Weighting | None = None,
    alpha: float = 1.0,
) -> AdapterSpec:
    """A spec with the parts that `ranks` has."""
    attention = {"combine": combine, "rotary": rotary, "skip_first": skip_first or None}
    attention |= {"weighting": weighting} if weighting else {}
    return AdapterSpec(
        base=base.spec.base_identity,
        masked=False,
        motion="waterfall",
        ranks=ranks,
        cross_frame_attention=CrossFrameAttentionSpec(**attention) if ranks.cross_frame_attention else None,
        implicit_prompt=ImplicitPromptSpec(words="waterfall") if ranks.implicit_prompt else None,
        temporal_lora=TemporalLoraSpec(alpha=alpha) if ranks.temporal_lora else None,
        clip=base.spec.clip,
        noise_schedule=base.spec.noise_schedule,
    )


def all_parts(base: Base, *, rank: int | str = 4) -> Ranks:
    """Every part the base has sites for."""
    temporal = 4 if any(site.kind == "temporal" for site in base.sites()) else None
    return Ranks(cross_frame_attention=rank, implicit_prompt=4, temporal_lora=temporal)


def fresh(base: Base, spec: AdapterSpec, *, seed: int = 0) -> MivaAdapter:
    """As training begins, but in eval mode and the base's format."""
    return MivaAdapter.create(spec, base.sites(), seed=seed).to(base.dtype).eval()


def lively(base: Base, spec: AdapterSpec | None = None, *, seed: int = 1) -> MivaAdapter:
    """As if trained: every tensor has values, so that every part does something."""
    adapter = fresh(base, spec or adapter_spec(base, ranks=all_parts(base)), seed=seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in adapter.parameters():
            tensor.add_(0.3 * torch.randn(tensor.shape, generator=generator).to(tensor))
    return adapter.requires_grad_(requires_grad=False)


def noisy_latents(base: Base, *, batch: int = 2, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Random latents of the base's clip, and a timestep for each sample."""
    shape = latent_shape(base.spec.clip, base.spec.latent)
    generator = torch.Generator().manual_seed(seed)
    axes = (batch, shape.channels, shape.frames, shape.height, shape.width)
    noisy = torch.randn(axes, generator=generator, dtype=torch.float64).to(base.dtype)
    return noisy, torch.arange(batch, dtype=torch.float32) * 300 + 401
