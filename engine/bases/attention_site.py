"""The attention layers of a base: where adapters can stand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from engine.bases.call import SiteInput
from registry_schema.errors import Incompatible

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from engine.bases.attention_layer import AttentionLayer
    from engine.bases.call import Call
    from engine.bases.diffusers_types import AttentionModule, Processor
    from engine.bases.residual_stream import ResidualStream

SiteKind = Literal["self", "cross", "temporal"]


@dataclass(frozen=True)
class AttentionSite:
    """One attention layer of a base.

    Args:
        path: of the layer inside the denoiser, such as `mid_block.attentions.0.transformer_blocks.0.attn1`.
        kind: `self` within frames, `cross` towards the condition, `temporal` along time at one place.
        width: of the layer's tokens.
        heads: attention heads.
        time_width: width of the base's time embedding.
        down_scale: latent cells on one side of a token.
        module: the layer itself.
        layer: how layers of this family compute.
        stream: the residual stream behind a self site, in families whose adapters may stand there.
    """

    path: str
    kind: SiteKind
    width: int
    heads: int
    time_width: int
    down_scale: int
    module: AttentionModule = field(repr=False, compare=False)
    layer: AttentionLayer = field(repr=False, compare=False)
    stream: ResidualStream | None = field(default=None, repr=False, compare=False)

    @property
    def processor(self) -> Processor:
        """What computes the layer now."""
        return self.module.processor

    @property
    def device(self) -> torch.device:
        """Where the layer lies."""
        device: torch.device = self.module.to_q.weight.device
        return device

    def put(self, processor: Processor) -> None:
        """Let `processor` compute the layer."""
        self.module.set_processor(processor)

    def input(self, hidden: Tensor, call: Call) -> SiteInput:
        """What adapters are given here: `hidden` as the layer got it, with its axes told apart."""
        grid = call.grid(self.down_scale)
        tokens = grid[0] * grid[1]
        if call.time_embedding is None:
            msg = f"attention site `{self.path}` was reached before the time embedding was made"
            raise Incompatible(msg)
        axes = (tokens, call.frames) if self.kind == "temporal" else (call.frames, tokens)
        return SiteInput(
            hidden=hidden.reshape(call.samples, *axes, self.width),
            streams=call.streams,
            frames=call.frames,
            grid=grid,
            time_embedding=call.time_embedding,
        )
