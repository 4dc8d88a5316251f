"""Which region each adapter of a composition keeps to (MIVA B.2.1): its own mask, or what no mask has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from engine.adapters.region_attention import Region

if TYPE_CHECKING:
    from engine.adapters.composition import Composition
    from engine.bases.regions import SiteRegions
    from registry_schema.adapter_spec import RegionForm

Layer = Literal["cross_frame_attention", "temporal", "prompt"]


def region_of(composition: Composition, index: int, layer: Layer, regions: SiteRegions | None) -> Region | None:
    """Where the adapter at `index` acts; None where it acts everywhere.

    A plain adapter beside masked ones has the background, as far as one of them keeps to its mask.

    Args:
        composition: masked and plain adapters.
        index: of one of them.
        layer: what it does there.
        regions: all masks; None where nothing is known.
    """
    if regions is None:
        return None
    mask = composition.mask_of(index)
    if mask is None:
        forms = [_form(composition, other, layer) for other in composition.masked]
        return None if all(form == "off" for form in forms) else Region(regions.background(), hard=True)
    form = _form(composition, index, layer)
    return None if form == "off" else Region(regions.subject(mask, hard=form == "hard"), hard=form == "hard")


def base_form(composition: Composition) -> RegionForm:
    """How the base's self attention keeps to the masks: `hard` are unified labels, Eqs. (S5) and (S6)."""
    forms = [_form(composition, index, "self_attention") for index in composition.masked]
    if all(form == "off" for form in forms):
        return "off"
    return forms[0] if len(forms) == 1 else "hard"


def _form(composition: Composition, index: int, layer: str) -> RegionForm:
    stream = composition.entries[index][0].spec.mask_stream
    if stream is None:
        return "off"
    form: RegionForm = getattr(stream.forms, layer)
    return form
