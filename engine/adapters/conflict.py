"""Where adapters pull in different directions: the cosine between their updates, site by site."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from engine.adapters.attach import attached

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from engine.adapters.composition import Composition
    from engine.bases.attention_site import AttentionSite, SiteKind
    from engine.bases.base import Base


@dataclass(frozen=True)
class SiteConflict:
    """Two adapters at one site.

    Args:
        path: of the site.
        kind: of the site.
        first: place of one adapter in the composition.
        second: place of the other.
        cosine: between their updates over all tokens, from -1 (they cancel) to 1 (they agree); 0 if one does nothing.
        strength: the smaller update's size as a share of the larger one's: a quiet adapter is no conflict.
    """

    path: str
    kind: SiteKind
    first: int
    second: int
    cosine: float
    strength: float


def conflicts(base: Base, composition: Composition, noisy: Tensor, timestep: Tensor) -> tuple[SiteConflict, ...]:
    """Every pair of adapters at every site they share, in the order the base computes them; one forward pass.

    Args:
        base: without adapters.
        composition: at least two adapters of weight other than 0.
        noisy: b c f h w latents.
        timestep: b.
    """
    seen: list[SiteConflict] = []

    def note(site: AttentionSite, updates: Mapping[int, Tensor]) -> None:
        seen.extend(_compare(site, first, second, updates) for first, second in combinations(updates, 2))

    with torch.no_grad(), base.uncompiled(), attached(base, composition, observe=note):
        base.predict(noisy, timestep)
    return tuple(seen)


def _compare(site: AttentionSite, first: int, second: int, updates: Mapping[int, Tensor]) -> SiteConflict:
    one, other = updates[first].flatten().float(), updates[second].flatten().float()
    small, large = sorted((float(one.norm()), float(other.norm())))
    return SiteConflict(
        path=site.path,
        kind=site.kind,
        first=first,
        second=second,
        cosine=float(F.cosine_similarity(one, other, dim=0)),
        strength=small / large if large else 0.0,
    )
