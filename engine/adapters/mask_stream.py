"""Cross-frame attention in all streams of a site: pictures with every adapter, each mask with its own (MIVA 3.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from engine.adapters.adapter_regions import region_rules, regions_by
from engine.adapters.cross_frame_updates import CrossFrameUpdates, Looking
from engine.bases.attention_layer import Projection

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from diffusers.models.attention_dispatch import AttentionBackendName
    from torch import Tensor

    from engine.adapters.composition import Composition, Term
    from engine.adapters.cross_frame import CrossFrameAttention, LookingProjections
    from engine.bases.attention_layer import Rotary
    from engine.bases.attention_site import AttentionSite
    from engine.bases.call import Call


class MaskProjections:
    """How a mask stream looks at its own frames: projections of its own, the weights of its adapter's pictures.

    Args:
        own: the mask stream's.
        pictures: the adapter's.
    """

    def __init__(self, own: LookingProjections, pictures: CrossFrameAttention) -> None:
        self.spec = pictures.spec
        self.raw_query = own.raw_query
        self.output = own.output
        self.reference_weights = pictures.reference_weights


class CrossFrameStreams:
    """What cross-frame attention adds at one self site, stream by stream.

    Args:
        site: where.
        terms: the adapters' parts that are computed here.
        composition: all adapters.
        times: see `CrossFrameUpdates`.
    """

    def __init__(
        self,
        site: AttentionSite,
        terms: Sequence[Term[CrossFrameAttention]],
        composition: Composition,
        times: Mapping[float, Tensor] | None = None,
    ) -> None:
        self._site = site
        self._rules = region_rules(composition, terms, "cross_frame_attention")
        self._guided = tuple(_is_guided(composition, index) for index in composition.masked)
        self._pictures = CrossFrameUpdates(site, [term.part for term in terms], times)
        here = {term.index: term.part for term in terms}
        self._masks = tuple(
            _mask_updates(site, composition, index, here[index], times) if index in here else None
            for index in composition.masked
        )

    def begin(self, call: Call | None) -> None:
        """Get ready for a forward pass; see `CrossFrameUpdates.begin`."""
        for updates in (self._pictures, *self._masks):
            if updates is not None:
                updates.begin(call)

    def of_pictures(
        self,
        hidden: Tensor,
        call: Call,
        projection: Projection,
        *,
        rotary: Rotary | None,
        backend: AttentionBackendName | None,
    ) -> list[Tensor]:
        """Each term's update of the pictures, without its weight.

        Args:
            hidden: rows of all streams, as the layer gets them.
            call: in progress.
            projection: what the base's layer makes of `hidden`.
            rotary: see `Looking`.
            backend: see `attend`.
        """
        alone = call.alone(0)
        given = self._site.input(call.of_stream(hidden, 0), alone)
        regions = None if call.regions is None else call.regions.at(given.grid)
        looking = Looking(rotary, backend, regions_by(self._rules, regions))
        return self._pictures.at(given, stream_projection(projection, call, 0), looking)

    def of_mask(
        self,
        mask: int,
        hidden: Tensor,
        call: Call,
        projection: Projection,
        *,
        rotary: Rotary | None,
        backend: AttentionBackendName | None,
    ) -> Tensor | None:
        """The update of one mask stream by its adapter, at weight 1; None where it is not computed here."""
        updates = self._masks[mask]
        if updates is None:
            return None
        given = self._site.input(call.of_stream(hidden, 1 + mask), call.alone(1 + mask))
        looking = Looking(rotary, backend, guide=stream_projection(projection, call, 0) if self._guided[mask] else None)
        return updates.at(given, stream_projection(projection, call, 1 + mask), looking)[0]


def stream_projection(projection: Projection, call: Call, stream: int) -> Projection:
    """What a layer makes of one stream, of what it makes of all."""
    if call.streams == 1:
        return projection
    names = ("raw_query", "query", "key", "value", "plain_key")
    return Projection(**{name: call.of_stream(getattr(projection, name), stream) for name in names})


def _is_guided(composition: Composition, index: int) -> bool:
    """Whether the mask stream of an adapter looks at the pictures."""
    stream = composition.entries[index][0].spec.mask_stream
    return stream is not None and stream.image_guidance


def _mask_updates(
    site: AttentionSite,
    composition: Composition,
    index: int,
    pictures: CrossFrameAttention,
    times: Mapping[float, Tensor] | None,
) -> CrossFrameUpdates:
    own = cast("LookingProjections", composition.entries[index][0].mask_parts[site.path])
    return CrossFrameUpdates(site, [MaskProjections(own, pictures)], times)
