"""Masked adapters for tests, and masks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from engine.bases.regions import Regions
from registry_schema.adapter_spec import AdapterSpec, MaskStreamSpec, RegionSpec
from tests.engine.tiny_adapters import adapter_spec, all_parts, lively

if TYPE_CHECKING:
    from engine.adapters.miva import MivaAdapter
    from engine.bases.base import Base
    from registry_schema.ranks import Ranks

ALL_HARD = RegionSpec(cross_frame_attention="hard", self_attention="hard", temporal="hard", prompt="hard")
ALL_SOFT = RegionSpec(cross_frame_attention="soft", self_attention="soft", temporal="soft", prompt="soft")


def masked_spec(
    base: Base,
    *,
    ranks: Ranks | None = None,
    guided: bool = True,
    background: bool = True,
    regions: RegionSpec | None = None,
    combine: str = "separate",
    rank: int | str = 4,
) -> AdapterSpec:
    """A spec with a mask stream, and the parts that `ranks` has; all parts if it is left out."""
    ranks = ranks or all_parts(base, rank=rank)
    plain = adapter_spec(base, ranks=ranks, combine=combine).plain()
    plain["ranks"]["mask_stream"] = rank
    stream = MaskStreamSpec(
        image_guidance=guided, background_prompt=background and ranks.implicit_prompt is not None, regions=regions
    )
    return AdapterSpec.of(plain | {"masked": True, "mask_stream": stream.plain()}, source="test")


def masked(base: Base, spec: AdapterSpec | None = None, *, seed: int = 1) -> MivaAdapter:
    """A masked adapter whose every tensor has values."""
    return lively(base, spec or masked_spec(base), seed=seed)


def drawn_masks(base: Base, *, masks: int = 1, batch: int = 1, frames: int | None = None, seed: int = 0) -> Regions:
    """Random soft masks for the base's clip."""
    from engine.shapes import latent_shape

    shape = latent_shape(base.spec.clip, base.spec.latent)
    generator = torch.Generator().manual_seed(seed)
    axes = (batch, masks, frames or shape.frames, shape.height, shape.width)
    return Regions(torch.rand(axes, generator=generator, dtype=torch.float64).to(base.dtype))


def even_masks(base: Base, share: float, *, masks: int = 1, batch: int = 1) -> Regions:
    """Masks that are the same everywhere."""
    return Regions(torch.full_like(drawn_masks(base, masks=masks, batch=batch).confidence, share))
