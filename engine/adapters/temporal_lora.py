"""Low-rank updates of attention along time."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from torch import nn

from engine.adapters.low_rank import LowRank
from engine.adapters.part import AdapterPart

if TYPE_CHECKING:
    import torch

    from engine.bases.attention_site import AttentionSite


class TemporalLora(AdapterPart):
    """LoRA on queries, keys, values and output of a temporal site, all scaled by alpha / rank.

    Args:
        site: a temporal site.
        rank: of the four updates.
        alpha: the official code has 1, hence 1/32 at its rank of 32.
    """

    def __init__(self, site: AttentionSite, rank: int, *, alpha: float) -> None:
        super().__init__()
        scale = alpha / rank
        self.to_q = LowRank(site.width, rank, scale=scale)
        self.to_k = LowRank(site.width, rank, scale=scale)
        self.to_v = LowRank(site.width, rank, scale=scale)
        self.to_out = nn.ModuleDict({"0": LowRank(site.width, rank, scale=scale)})

    @property
    def out(self) -> LowRank:
        """The update of the output projection."""
        return cast("LowRank", self.to_out["0"])

    def start(self, site: AttentionSite, generator: torch.Generator) -> None:
        """Begin with updates of zero; `A` is drawn with deviation 1 / rank, as in the authors' code."""
        for update in (self.to_q, self.to_k, self.to_v, self.out):
            update.start(generator, deviation=1 / update.lora_A.out_features)
