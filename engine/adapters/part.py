"""What one adapter has at one attention site."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    import torch

    from engine.bases.attention_site import AttentionSite


class AdapterPart(nn.Module, ABC):
    """Trained tensors of one adapter at one site. Parts live outside the base; processors point at them."""

    @abstractmethod
    def start(self, site: AttentionSite, generator: torch.Generator) -> None:
        """Set all tensors to what training begins with: the part then changes nothing at its site.

        (An implicit prompt begins with an output of zero, while the layer it replaces does not.)
        """


def key_prefix(site: AttentionSite) -> str:
    """Where a site's tensors stand in an adapter file.

    `mid_block.attentions.0.transformer_blocks.0.attn1` -> `miva.mid_block.attentions.0.transformer_blocks.0.cfa`
    """
    block, _, layer = site.path.rpartition(".")
    tail = {"self": "cfa", "cross": "ca", "temporal": f"tsa.{layer}"}[site.kind]
    return f"miva.{block}.{tail}"


def mask_key_prefix(site: AttentionSite) -> str:
    """Where the tensors of a masked adapter's second stream stand: `mmiva.<block>.cfa`; `.ca_bg` of the background."""
    block = site.path.rpartition(".")[0]
    return f"mmiva.{block}.{'cfa' if site.kind == 'self' else 'ca_bg'}"
