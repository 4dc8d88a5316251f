"""What the cross-frame attention of adapters adds at one site, in parallel to the base or behind it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple, Protocol

import torch
from torch.nn import functional as F

from engine.adapters.reference_attention import joint_references, separate_references

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from diffusers.models.attention_dispatch import AttentionBackendName
    from torch import Tensor

    from engine.adapters.region_attention import Region
    from engine.bases.attention_layer import Projection, Rotary
    from engine.bases.attention_site import AttentionSite
    from engine.bases.call import Call, SiteInput
    from registry_schema.adapter_spec import CrossFrameAttentionSpec

_REFERENCES = {"separate": separate_references, "joint": joint_references}


class _Way(NamedTuple):
    """How an adapter looks at its references; adapters of one way are computed together."""

    combine: str
    turned: bool
    left_out: int
    """Frames without a query of their own: 1 where frame 0 is skipped, else 0."""


@dataclass(frozen=True)
class Looking:
    """How the parts look, besides their own ways.

    Args:
        rotary: the base's positions, for parts that turn queries and keys.
        backend: see `attend`.
        regions: of each part, where its attention keeps to one; none at all while nothing is known of subjects.
        guide: what the base's layer makes of the pictures, for a mask stream that looks at them.
    """

    rotary: Rotary | None = None
    backend: AttentionBackendName | None = None
    regions: Sequence[Region | None] = ()
    guide: Projection | None = None


class FrameProjections(Protocol):
    """One adapter's way of looking at other frames."""

    spec: CrossFrameAttentionSpec

    def raw_query(self, hidden: Tensor, base_query: Tensor, base_bias: Tensor | None) -> Tensor:
        """Its query before norm and heads."""

    def output(self, mixed: Tensor) -> Tensor:
        """What the site's output grows by, of what was looked at."""

    def reference_weights(self, time_embedding: Tensor) -> Tensor:
        """(s 2): weight of frame 0, weight of the previous frame."""


class CrossFrameUpdates:
    """`l1 CFA(first) + l2 CFA(previous)` of several adapters; keys and values are the base's, projected once.

    Args:
        site: a self site.
        parts: of the adapters there, any mix of kinds; those of one kind are computed together.
        times: time embeddings (1, time width) by timestep: the weights l1 there are computed now, once for the run.
            At other timesteps they follow from the embedding of the call.

    Source: MIVA Eq. (2) and (S4).
    """

    def __init__(
        self, site: AttentionSite, parts: Sequence[FrameProjections], times: Mapping[float, Tensor] | None = None
    ) -> None:
        self._site = site
        self._parts = tuple(parts)
        self._table = {timestep: self._shares(embedding) for timestep, embedding in (times or {}).items()}
        self._known: tuple[Tensor, ...] | None = None
        by_way = groupby(sorted(range(len(self._parts)), key=self._way), key=self._way)
        self._ways = tuple((way, tuple(places)) for way, places in by_way)

    def begin(self, call: Call | None) -> None:
        """Look up the weights of the references at the call's timestep, if they are known and nothing is trained."""
        known = None if call is None or call.timestep is None else self._table.get(call.timestep)
        self._known = None if torch.is_grad_enabled() else known

    def at(self, given: SiteInput, projection: Projection, looking: Looking) -> list[Tensor]:
        """Each part's update, s f n d; zero at frame 0 where it is skipped.

        Args:
            given: what the parts look at.
            projection: what the base's layer makes of it.
            looking: how.
        """
        mixed: dict[int, Tensor] = {}
        shares = self._shares(given.time_embedding) if self._known is None else self._known
        for way, places in self._ways:
            if way.left_out == given.frames:
                mixed |= dict.fromkeys(places, given.hidden[:, :0])
                continue
            # a region is one adapter's own
            groups = [(place,) for place in places] if any(looking.regions) else [places]
            for group in groups:
                references = self._references(way, group, given, projection, looking)
                for place, first, previous, *guided in zip(group, *references, strict=True):
                    # the two weights sum to 1
                    share = shares[place].to(first.dtype)[:, None, None, None]
                    mixed[place] = sum(guided, torch.lerp(previous, first, share))
        return [_everywhere(part.output(mixed[place]), given) for place, part in enumerate(self._parts)]

    def _references(
        self, way: _Way, group: Sequence[int], given: SiteInput, projection: Projection, looking: Looking
    ) -> tuple[Tensor, ...]:
        """What parts of one way see of each reference."""
        query = self._queries(group, given, projection, looking.rotary if way.turned else None)
        region = looking.regions[group[0]] if any(looking.regions) else None
        key, value = _frames(projection, given, turned=way.turned)
        guide = None if looking.guide is None else _frames(looking.guide, given, turned=way.turned)
        look = _REFERENCES[way.combine]
        return look(query, key, value, region=region, guide=guide, backend=looking.backend)

    def _way(self, place: int) -> _Way:
        spec = self._parts[place].spec
        return _Way(spec.combine, spec.rotary, 1 if spec.skip_first else 0)

    def _queries(
        self, places: Sequence[int], given: SiteInput, projection: Projection, rotary: Rotary | None
    ) -> Tensor:
        """Queries of parts of one way: k s f n, heads, head width."""
        left_out, attention = self._way(places[0]).left_out, self._site.module
        hidden = given.hidden[:, left_out:]
        base_query = projection.raw_query.reshape(given.hidden.shape)[:, left_out:]
        raw = torch.stack([self._parts[place].raw_query(hidden, base_query, attention.to_q.bias) for place in places])
        samples, frames, tokens, width = hidden.shape
        if rotary is not None:
            rotary = (rotary[0][:, left_out * tokens :], rotary[1][:, left_out * tokens :])
        heads = self._site.layer.query_heads(attention, raw.reshape(-1, frames * tokens, width), rotary)
        return heads.unflatten(0, (len(places), samples)).unflatten(2, (frames, tokens))

    def _shares(self, time_embedding: Tensor) -> tuple[Tensor, ...]:
        """Each part's weight of frame 0, l1, for every row of time embeddings."""
        return tuple(part.reference_weights(time_embedding)[:, 0] for part in self._parts)


def _frames(projection: Projection, given: SiteInput, *, turned: bool) -> tuple[Tensor, Tensor]:
    """Keys and values with their frames apart: s f n, heads, head width."""
    shape = (*given.hidden.shape[:3], *projection.value.shape[-2:])
    key = projection.key if turned else projection.plain_key
    return key.reshape(shape), projection.value.reshape(shape)


def _everywhere(update: Tensor, given: SiteInput) -> Tensor:
    """An update of all frames: nothing is added to those that were left out."""
    left_out = given.frames - update.shape[1]
    return F.pad(update, (0, 0, 0, 0, left_out, 0)) if left_out else update
