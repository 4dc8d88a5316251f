"""`MivaAdapter`: one motion, as a spec and one part per attention site."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import torch
from torch import nn

from engine.adapters.cross_frame import CrossFrameAttention, LookingProjections
from engine.adapters.implicit_prompt import ImplicitPrompt
from engine.adapters.part import AdapterPart, key_prefix, mask_key_prefix
from engine.adapters.temporal_lora import TemporalLora
from registry_schema.errors import Incompatible

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from engine.bases.attention_site import AttentionSite
    from registry_schema.adapter_spec import AdapterSpec, CrossFrameAttentionSpec


class MivaAdapter(nn.Module):
    """A motion adapter: trained tensors only, nothing of the base.

    Its state dict has the names of an adapter file, `miva.<path in the denoiser>.<part>...`, and `mmiva. ...` for what
    a masked adapter has besides.

    Args:
        spec: what the adapter is; decides which sites get a part.
        sites: of the base it stands on.

    Raises:
        Incompatible: the spec has a part for which the base has no site, or one this version does not build.
    """

    def __init__(self, spec: AdapterSpec, sites: Sequence[AttentionSite]) -> None:
        super().__init__()
        _require_buildable(spec, sites)
        self.spec = spec
        self.parts = self._grown(sites, _build, key_prefix)
        self.mask_parts = self._grown(sites, _build_mask, mask_key_prefix)

    def _grown(
        self,
        sites: Sequence[AttentionSite],
        build: Callable[[AdapterSpec, AttentionSite], AdapterPart | None],
        prefix: Callable[[AttentionSite], str],
    ) -> Mapping[str, AdapterPart]:
        parts: dict[str, AdapterPart] = {}
        for site in sites:
            if (part := build(self.spec, site)) is not None:
                _grow(self, prefix(site), part)
                parts[site.path] = part
        return MappingProxyType(parts)

    @classmethod
    def create(cls, spec: AdapterSpec, sites: Sequence[AttentionSite], *, seed: int = 0) -> MivaAdapter:
        """A fresh adapter, ready for training, on the device of `sites`; float32.

        At self and temporal sites it changes nothing yet. All draws are a pure function of `seed`.
        """
        adapter = cls.empty(spec, sites)
        device = sites[0].device
        if device.type == "meta":
            return adapter
        adapter.to_empty(device=device)
        generator = torch.Generator().manual_seed(seed)
        by_path = {site.path: site for site in sites}
        for path, part in (*adapter.parts.items(), *adapter.mask_parts.items()):
            part.start(by_path[path], generator)
        return adapter

    @classmethod
    def empty(cls, spec: AdapterSpec, sites: Sequence[AttentionSite]) -> MivaAdapter:
        """An adapter of shapes without values, on the meta device."""
        with torch.device("meta"):
            return cls(spec, sites)

    def __deepcopy__(self, memo: dict[int, object]) -> MivaAdapter:
        """Refused: a copy's parts would be strangers to the processors that point at the original's.

        Raises:
            TypeError: always.
        """
        msg = "a MivaAdapter can not be copied; save it and load it again"
        raise TypeError(msg)


def _build(spec: AdapterSpec, site: AttentionSite) -> AdapterPart | None:
    """The part `spec` has at `site`: one row per kind of site."""
    ranks = spec.ranks
    if site.kind == "self" and spec.cross_frame_attention and ranks.cross_frame_attention:
        _require_placeable(spec.cross_frame_attention, site, spec.base.name)
        return CrossFrameAttention(site, spec.cross_frame_attention, ranks.cross_frame_attention)
    if site.kind == "cross" and ranks.implicit_prompt:
        return _prompt(spec, site, ranks.implicit_prompt)
    if site.kind == "temporal" and spec.temporal_lora and ranks.temporal_lora:
        return TemporalLora(site, ranks.temporal_lora, alpha=spec.temporal_lora.alpha)
    return None


def _build_mask(spec: AdapterSpec, site: AttentionSite) -> AdapterPart | None:
    """The part of the mask stream at `site`."""
    ranks, attention, stream = spec.ranks, spec.cross_frame_attention, spec.mask_stream
    if stream is None or attention is None:
        return None
    if site.kind == "self" and ranks.mask_stream:
        return LookingProjections(site, ranks.mask_stream, own_bias=attention.query_bias == "own")
    if site.kind == "cross" and stream.background_prompt and ranks.implicit_prompt:
        return _prompt(spec, site, ranks.implicit_prompt)
    return None


def _prompt(spec: AdapterSpec, site: AttentionSite, rank: int) -> ImplicitPrompt:
    without = spec.implicit_prompt is not None and spec.implicit_prompt.query_bias == "none"
    return ImplicitPrompt(site, rank, query_bias=not without)


def _grow(root: nn.Module, path: str, part: AdapterPart) -> None:
    """Put `part` at a dotted path below `root`, with plain modules on the way."""
    *branches, leaf = path.split(".")
    here = root
    for branch in branches:
        if branch not in dict(here.named_children()):
            here.add_module(branch, nn.Module())
        here = here.get_submodule(branch)
    here.add_module(leaf, part)


def _require_buildable(spec: AdapterSpec, sites: Sequence[AttentionSite]) -> None:
    wanted = {
        "self": spec.cross_frame_attention,
        "cross": spec.implicit_prompt,
        "temporal": spec.temporal_lora,
    }
    kinds = {site.kind for site in sites}
    for kind, part in wanted.items():
        if part is not None and kind not in kinds:
            msg = f"the adapter changes {kind} attention, which base `{spec.base.name}` does not have"
            raise Incompatible(msg)


def _require_placeable(attention: CrossFrameAttentionSpec, site: AttentionSite, base: str) -> None:
    if attention.placement == "parallel":
        return
    if site.stream is None:
        msg = f"the adapter wants cross-frame attention placed `sequential`, base `{base}` takes it `parallel` only"
        raise Incompatible(msg, hint="the sequential form is for bases of the Wan family")
    if attention.rotary:
        msg = (
            "the adapter wants cross-frame attention placed `sequential` with rotary positions, expected one of the two"
        )
        raise Incompatible(msg, hint="the residual stream carries no positions")
