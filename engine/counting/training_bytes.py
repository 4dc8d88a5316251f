"""Bytes of one training step, counted on the meta device with the trainer's own optimiser and checkpointing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from engine.adapters.attach import attached
from engine.adapters.composition import Composition
from engine.count_requests import TrainingBytes
from engine.counting.attention_kernel import attention_by, fused_attention
from engine.counting.live_bytes import LiveBytes, storage_bytes
from engine.recipe import OptimiserChoice
from engine.training.optimiser import WeightAverage, adamw

if TYPE_CHECKING:
    from torch import Tensor

    from engine.adapters.miva import MivaAdapter
    from engine.bases.base import Base
    from engine.bases.regions import Regions


def training_bytes(
    base: Base,
    adapter: MivaAdapter,
    noisy: Tensor,
    timestep: Tensor,
    *,
    streams: int = 1,
    regions: Regions | None = None,
) -> TrainingBytes:
    """What one step of training `adapter` on clips like `noisy` keeps and needs, with gradient checkpointing.

    Not in it: the libraries and work space of a device, its allocator's gaps, and the autoencoder, which only the
    coding of clips before the first step needs.

    Args:
        base: on the meta device, in the format it trains in.
        adapter: on the meta device, float32.
        noisy: (b * streams) c f h w, on the meta device.
        timestep: b * streams.
        streams: 2 with the mask stream of a masked adapter.
        regions: its masks.
    """
    weights = [*base.denoiser.parameters(), *base.denoiser.buffers()]
    own = _trained_tensors(adapter)
    live = LiveBytes(apart=(*weights, *own))
    base.set_checkpointing(enabled=True)
    try:
        with attached(base, Composition.of(adapter)), attention_by(fused_attention), live:
            predicted = base.predict(noisy, timestep, streams=streams, regions=regions)
            loss = predicted[:, :, 1:].float().square().mean()
            saved = live.live
            torch.autograd.backward(loss)
    finally:
        base.set_checkpointing(enabled=False)
    return TrainingBytes(
        weights=storage_bytes(weights), adapter=storage_bytes(own), saved=saved, transient=live.most - saved
    )


def _trained_tensors(adapter: MivaAdapter) -> list[Tensor]:
    """Everything that training keeps of an adapter: tensors, gradients, both moments, the running average."""
    parameters = dict(adapter.requires_grad_(requires_grad=True).train().named_parameters())
    optimiser = adamw(parameters, OptimiserChoice())
    average = WeightAverage(parameters, 0.0)
    for tensor in parameters.values():
        tensor.grad = torch.zeros_like(tensor)
    optimiser.step()
    moments = [value for state in optimiser.state.values() for value in state.values() if value.is_meta]
    gradients = [tensor.grad for tensor in parameters.values() if tensor.grad is not None]
    return [*parameters.values(), *gradients, *moments, *average.tensors.values()]
