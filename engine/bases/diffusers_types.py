"""Names for objects of diffusers, which carry no types: said once, so that signatures can still say what they mean."""

from __future__ import annotations

from typing import Any, TypeAlias

DiffusersModel: TypeAlias = Any  # any model with `from_pretrained`
DenoiserModel: TypeAlias = Any  # `UNetMotionModel` or `WanTransformer3DModel`
AutoencoderModel: TypeAlias = Any  # `AutoencoderKL` or `AutoencoderKLWan`
AttentionModule: TypeAlias = Any  # `Attention` or `WanAttention`
Processor: TypeAlias = Any  # what computes an attention module, called with it and its inputs
