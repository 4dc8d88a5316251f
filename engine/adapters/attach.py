"""Putting adapters on a base, and taking them off again without a trace."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from engine.adapters.cross_processor import CrossProcessor
from engine.adapters.self_processor import SelfProcessor
from engine.adapters.site_processor import SiteProcessor
from engine.adapters.temporal_processor import TemporalProcessor
from registry_schema.errors import Incompatible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch import Tensor

    from engine.adapters.composition import Composition, Term
    from engine.adapters.cross_frame import CrossFrameAttention
    from engine.adapters.implicit_prompt import ImplicitPrompt
    from engine.adapters.site_processor import Observer
    from engine.adapters.temporal_lora import TemporalLora
    from engine.bases.attention_site import AttentionSite
    from engine.bases.base import Base
    from engine.bases.call import Call


@dataclass(frozen=True)
class Placed:
    """A processor on a site, and what was there before."""

    site: AttentionSite
    processor: SiteProcessor
    before: object


@dataclass(frozen=True)
class Attachment:
    """Adapters on a base."""

    placed: tuple[Placed, ...]

    def verify(self) -> None:
        """Make sure that every processor is still where it was put.

        Several calls of diffusers exchange processors without a word (fused projections, IP adapters, slicing). The
        adapters would then do nothing, silently.

        Raises:
            Incompatible: a site is computed by something else.
        """
        for item in self.placed:
            if item.site.processor is not item.processor:
                seen = type(item.site.processor).__name__
                msg = f"adapters were detached at `{item.site.path}`: `{seen}` computes it now"
                raise Incompatible(msg, hint="change the base's attention before adapters are attached")

    def begin(self, call: Call | None) -> None:
        """Verify, and let every processor get ready for a forward pass."""
        self.verify()
        if call is not None:
            for item in self.placed:
                item.processor.begin(call)


@contextmanager
def attached(
    base: Base, composition: Composition, *, observe: Observer | None = None, timesteps: Sequence[float] = ()
) -> Iterator[Attachment]:
    """A base with adapters on it; at the end it is exactly what it was.

    Before each forward pass of the denoiser the processors are verified.

    Args:
        base: any base.
        composition: adapters whose parts fit the base's sites.
        observe: is told each adapter's update at each site; see `SiteProcessor`.
        timesteps: of the sampler that will run: what adapters make of them is computed before it starts. The adapters'
            tensors must then stay as they are.

    Raises:
        Incompatible: an adapter was made for other sites, or adapters are attached already.
    """
    sites = base.sites()
    _require_fit(sites, composition)
    times = {timestep: base.time_embedding(timestep) for timestep in timesteps}
    attachment = Attachment(tuple(_plan(base, composition, observe, times)))
    for item in attachment.placed:
        item.site.put(item.processor)
    guard = base.denoiser.register_forward_pre_hook(lambda *_: attachment.begin(base.calls.snapshot()))
    try:
        yield attachment
    finally:
        guard.remove()
        for item in attachment.placed:
            item.site.put(item.before)


def _plan(
    base: Base, composition: Composition, observe: Observer | None, times: Mapping[float, Tensor]
) -> Iterator[Placed]:
    for site in base.sites():
        processor = _processor(base, composition, site, observe, times)
        if processor is not None:
            yield Placed(site, processor, site.processor)


def _processor(
    base: Base,
    composition: Composition,
    site: AttentionSite,
    observe: Observer | None,
    times: Mapping[float, Tensor] | None = None,
) -> SiteProcessor | None:
    """What should compute `site`; None where the base computes it as ever."""
    terms = composition.terms(site)
    share = composition.base_share(site)
    if not terms and (site.kind != "cross" or share == 1):
        return None
    # the kind of a site decides the kind of its parts, which the type checker can not see
    if site.kind == "self":
        references = cast("Sequence[Term[CrossFrameAttention]]", terms)
        return SelfProcessor(site, references, calls=base.calls, observe=observe, times=times)
    if site.kind == "temporal":
        return TemporalProcessor(site, cast("Sequence[Term[TemporalLora]]", terms), calls=base.calls, observe=observe)
    prompts = cast("Sequence[Term[ImplicitPrompt]]", terms)
    return CrossProcessor(site, prompts, calls=base.calls, observe=observe, base_share=share)


def _require_fit(sites: Sequence[AttentionSite], composition: Composition) -> None:
    paths = {site.path for site in sites}
    for adapter, _ in composition.entries:
        strangers = sorted(set(adapter.parts) - paths)
        if strangers:
            msg = f"the adapter has a part at `{strangers[0]}`, which the base does not have"
            raise Incompatible(msg, hint=f"it was made for base `{adapter.spec.base.name}`")
    for site in sites:
        if isinstance(site.processor, SiteProcessor):
            msg = f"adapters are attached already, at `{site.path}`"
            raise Incompatible(msg, hint="compose them instead of attaching twice")
