"""Which region each adapter of a composition keeps to (MIVA B.2.1): its own mask, or what no mask has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from engine.adapters.region_attention import Region

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.adapters.composition import Composition, Term
    from engine.bases.regions import SiteRegions
    from registry_schema.adapter_spec import RegionForm

Layer = Literal["cross_frame_attention", "temporal", "prompt"]


@dataclass(frozen=True)
class RegionRule:
    """Where an adapter acts: in its own mask or, without one, in the background. Made once, not in compiled code."""

    mask: int | None
    hard: bool

    def region(self, regions: SiteRegions) -> Region:
        """The region, of the masks at a site."""
        if self.mask is None:
            return Region(regions.background(), hard=True)
        return Region(regions.subject(self.mask, hard=self.hard), hard=self.hard)


Rules = tuple["RegionRule | None", ...]


def region_rules(composition: Composition | None, terms: Sequence[Term], layer: Layer) -> Rules:
    """For each term where it acts; None where it acts everywhere.

    A plain adapter beside masked ones has the background, as far as one of them keeps to its mask.

    Args:
        composition: masked and plain adapters; None for a mask stream, which keeps to no region.
        terms: of some of them.
        layer: what they do there.
    """
    if composition is None:
        return (None,) * len(terms)
    return tuple(_rule(composition, term.index, layer) for term in terms)


def regions_by(rules: Rules, regions: SiteRegions | None) -> list[Region | None]:
    """The region of each term; none at all while nothing is known of subjects."""
    return [None if rule is None or regions is None else rule.region(regions) for rule in rules]


def base_form(composition: Composition) -> RegionForm:
    """How the base's self attention keeps to the masks: `hard` are unified labels, Eqs. (S5) and (S6)."""
    forms = [_form(composition, index, "self_attention") for index in composition.masked]
    if all(form == "off" for form in forms):
        return "off"
    return forms[0] if len(forms) == 1 else "hard"


def _rule(composition: Composition, index: int, layer: Layer) -> RegionRule | None:
    mask = composition.mask_of(index)
    forms = [_form(composition, other, layer) for other in (composition.masked if mask is None else (index,))]
    if all(form == "off" for form in forms):
        return None
    return RegionRule(mask, hard=mask is None or forms[0] == "hard")


def _form(composition: Composition, index: int, layer: str) -> RegionForm:
    stream = composition.entries[index][0].spec.mask_stream
    if stream is None:
        return "off"
    form: RegionForm = getattr(stream.forms, layer)
    return form
