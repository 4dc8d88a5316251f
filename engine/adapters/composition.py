"""`Composition`: adapters with weights, summed at each site by MIVA Eq. (S4)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from engine.adapters.implicit_prompt import ImplicitPrompt
from registry_schema.errors import UsageProblem

if TYPE_CHECKING:
    from engine.adapters.miva import MivaAdapter
    from engine.adapters.part import AdapterPart
    from engine.bases.attention_site import AttentionSite
    from engine.bases.base import Base


Part_co = TypeVar("Part_co", bound="AdapterPart", covariant=True)


@dataclass(frozen=True)
class Term(Generic[Part_co]):
    """One adapter's part at a site, with the adapter's weight and its place in the composition."""

    part: Part_co
    weight: float
    index: int


@dataclass(frozen=True)
class Composition:
    """Adapters with weights. At a site.

        self:      SA + sum_k w_k CFA_k                     the base once, at weight 1
        cross:     sum_k w_k CA_k                           an adapter without a prompt counts as the base's attention
        temporal:  tSA + sum_k w_k (tSA_k - tSA)            anchored: weights that do not sum to 1 stay harmless

    An adapter at weight 0 costs nothing; its implicit prompt still stands in for the base's words.

    Args:
        entries: adapters with their weights.
        rest: the weight of one more adapter, which does nothing: the base's own words have that share.

    Source: MIVA Eq. (S4); the anchor is ours, equal to the paper's sum where the weights sum to 1.

    Raises:
        UsageProblem: no adapter, or a weight that is not finite.
    """

    entries: tuple[tuple[MivaAdapter, float], ...]
    rest: float = 0.0

    def __post_init__(self) -> None:
        if not self.entries:
            msg = "a composition without adapters, expected at least one"
            raise UsageProblem(msg)
        for _, weight in self.entries:
            if not math.isfinite(weight):
                msg = f"adapter weight `{weight}` is not a finite number"
                raise UsageProblem(msg)

    @classmethod
    def of(cls, *adapters: MivaAdapter) -> Composition:
        """All adapters at equal weights that sum to 1."""
        return cls(tuple((adapter, 1 / len(adapters)) for adapter in adapters))

    @classmethod
    def on(cls, base: Base, entries: tuple[tuple[MivaAdapter, float], ...]) -> Composition:
        """Adapters on a base; where it says so, what the weights leave of 1 holds everything still."""
        left = max(0.0, 1 - sum(abs(weight) for _, weight in entries))
        return cls(entries, rest=0.0 if base.spec.sampling.lone_weight is None else left)

    def without(self, index: int) -> Composition:
        """The same with one adapter silent: what the others make of the picture."""
        entries = ((adapter, 0.0 if place == index else weight) for place, (adapter, weight) in enumerate(self.entries))
        return Composition(tuple(entries), rest=self.rest)

    def terms(self, site: AttentionSite) -> tuple[Term[AdapterPart], ...]:
        """The parts that do something at `site`."""
        return tuple(
            Term(part, weight, index)
            for index, (adapter, weight) in enumerate(self.entries)
            if weight != 0 and (part := adapter.parts.get(site.path)) is not None
        )

    @property
    def masked(self) -> tuple[int, ...]:
        """Places of the adapters with a mask stream: stream 1 + i and mask i are those of the i-th."""
        return tuple(
            index
            for index, (adapter, weight) in enumerate(self.entries)
            if weight != 0 and adapter.spec.mask_stream is not None
        )

    def mask_of(self, index: int) -> int | None:
        """Which mask is that of the adapter at `index`; None for a plain one."""
        return self.masked.index(index) if index in self.masked else None

    def stream_term(self, site: AttentionSite, index: int) -> Term[AdapterPart] | None:
        """What the mask stream of the adapter at `index` takes from it at `site`: the weight is for the pictures."""
        part = self.entries[index][0].parts.get(site.path)
        return None if part is None else Term(part, 1.0, index)

    def base_share(self, site: AttentionSite) -> float:
        """How much of the base's own cross attention stays at `site`: the share of weight of adapters without a prompt.

        1 when no adapter has a prompt there, 0 when all have one.
        """
        keeping = [weight for adapter, weight in self.entries if not _replaces(adapter, site)]
        if len(keeping) == len(self.entries):
            return 1.0
        total = self.rest + sum(abs(weight) for _, weight in self.entries)
        return (self.rest + sum(abs(weight) for weight in keeping)) / total if total else 0.0


def _replaces(adapter: MivaAdapter, site: AttentionSite) -> bool:
    return isinstance(adapter.parts.get(site.path), ImplicitPrompt)
