"""Cross-frame attention: each frame looks at frame 0 and at the frame before it (MIVA 3.2 and Eq. 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch

from engine.adapters.low_rank import FollowingLinear, LowRank
from engine.adapters.part import AdapterPart
from engine.adapters.reference_weighting import FixedWeights, LearnedWeights
from registry_schema.adapter_spec import LearnedWeighting

if TYPE_CHECKING:
    from torch import Tensor

    from engine.bases.attention_site import AttentionSite
    from registry_schema.adapter_spec import CrossFrameAttentionSpec


class LookingProjections(AdapterPart):
    """Query and output projections at a self-attention site; keys and values are the base's own.

    Full rank: `q` is a copy of the base's weight that trains, `o` starts at zero with a bias. Low rank: `q` is added to
    the base's query, `o` is the low-rank map alone.

    Args:
        site: a self-attention site.
        rank: of the projections, or "full".
        own_bias: whether the query's bias trains too, at full rank.
    """

    def __init__(self, site: AttentionSite, rank: int | str, *, own_bias: bool) -> None:
        super().__init__()
        if isinstance(rank, int):
            self.q: FollowingLinear | LowRank = LowRank(site.width, rank)
            self.o: FollowingLinear | LowRank = LowRank(site.width, rank)
        else:
            self.q = FollowingLinear(site.width, site.width, bias=own_bias)
            self.o = FollowingLinear(site.width, site.width)

    def start(self, site: AttentionSite, generator: torch.Generator) -> None:
        """Begin with the base's query and an output of zero."""
        for projection in (self.q, self.o):
            if isinstance(projection, LowRank):
                projection.start(generator)
        if isinstance(self.q, FollowingLinear) and isinstance(self.o, FollowingLinear):
            with torch.no_grad():
                self.q.weight.copy_(site.module.to_q.weight)
                if self.q.bias is not None:
                    own = site.module.to_q.bias
                    self.q.bias.zero_() if own is None else self.q.bias.copy_(own)
                self.o.weight.zero_()
                self.o.bias.zero_()

    def raw_query(self, hidden: Tensor, base_query: Tensor, base_bias: Tensor | None) -> Tensor:
        """This adapter's query before norm and heads; shapes of `hidden` and `base_query`: ... x d."""
        if isinstance(self.q, LowRank):
            return base_query + self.q(hidden)
        query: Tensor = self.q(hidden)
        return (
            query if base_bias is None or self.q.bias is not None else query + base_bias.to(query)
        )  # it may lie elsewhere, if offloaded

    def output(self, mixed: Tensor) -> Tensor:
        """What the site's output grows by, of mixed reference values ... x d."""
        return self.o(mixed)


class CrossFrameAttention(LookingProjections):
    """How the frames of the picture stream look at their references: one set of projections serves both.

    Args:
        site: a self-attention site.
        spec: combination and weighting of the two references.
        rank: of the projections, or "full".
    """

    def __init__(self, site: AttentionSite, spec: CrossFrameAttentionSpec, rank: int | str) -> None:
        super().__init__(site, rank, own_bias=spec.query_bias == "own")
        self.spec = spec
        self.add_module("lambda", _weighting(site, spec))  # a word of Python's, but the files' name for it

    def start(self, site: AttentionSite, generator: torch.Generator) -> None:
        """Begin with the base's query, an output of zero, and equal weights."""
        super().start(site, generator)
        self._weighting.start()

    @property
    def _weighting(self) -> LearnedWeights | FixedWeights:
        # not by attribute: the compiler of torch writes attributes as code, where this name is a keyword
        return cast("LearnedWeights | FixedWeights", self._modules["lambda"])

    def reference_weights(self, time_embedding: Tensor) -> Tensor:
        """(s 2): weight of frame 0, weight of the previous frame."""
        weights: Tensor = self._weighting(time_embedding)
        return weights


def _weighting(site: AttentionSite, spec: CrossFrameAttentionSpec) -> LearnedWeights | FixedWeights:
    if isinstance(spec.weighting, LearnedWeighting):
        return LearnedWeights(site.time_width, spec.weighting.temperature)
    return FixedWeights(spec.weighting.first)
