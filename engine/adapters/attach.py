"""Putting adapters on a denoiser, and taking them off again without a trace."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from engine.adapters.cross_frame import CrossFrameAttention
from engine.adapters.cross_processor import CrossProcessor
from engine.adapters.foreign_hooks import refuse_foreign_hooks, register_processor
from engine.adapters.self_processor import SelfProcessor
from engine.adapters.sequential import SequentialCrossFrame
from engine.adapters.site_processor import SiteProcessor
from engine.adapters.temporal_processor import TemporalProcessor
from registry_schema.errors import Incompatible, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch import Tensor

    from engine.adapters.composition import Composition, Term
    from engine.adapters.implicit_prompt import ImplicitPrompt
    from engine.adapters.site_processor import Observer
    from engine.adapters.temporal_lora import TemporalLora
    from engine.bases.attention_site import AttentionSite
    from engine.bases.base import Base, Host
    from engine.bases.call import Call, CurrentCall
    from engine.bases.diffusers_types import DenoiserModel
    from engine.bases.residual_stream import ResidualStream


for _processor_class in (SelfProcessor, CrossProcessor, TemporalProcessor):
    register_processor(_processor_class)


@dataclass(frozen=True)
class Placed:
    """A processor on a site, and what was there before."""

    site: AttentionSite
    processor: SiteProcessor
    before: object


@dataclass(frozen=True)
class Follower:
    """A residual stream, and what changes it."""

    stream: ResidualStream
    update: SequentialCrossFrame


class Attachment:
    """Adapters on a denoiser.

    Args:
        denoiser: what they stand on.
        sites: all of its attention layers.
        calls: the host's call in progress.
        masks: how many of the adapters have a mask stream.
    """

    def __init__(
        self, denoiser: DenoiserModel, sites: Sequence[AttentionSite], calls: CurrentCall, *, masks: int = 0
    ) -> None:
        self._masks = masks
        self._denoiser = denoiser
        self._sites = tuple(sites)
        self._placed: list[Placed] = []
        self._followers: list[Follower] = []
        self._guard = denoiser.register_forward_pre_hook(lambda *_: self.begin(calls.snapshot()))

    def put(self, site: AttentionSite, processor: SiteProcessor) -> None:
        """Let `processor` compute `site` until the adapters come off."""
        self._placed.append(Placed(site, processor, site.processor))
        site.put(processor)

    def follow(self, stream: ResidualStream, update: SequentialCrossFrame) -> None:
        """Let `update` change the residual stream until the adapters come off."""
        self._followers.append(Follower(stream, update))
        stream.put(update)

    def begin(self, call: Call | None) -> None:
        """Verify, and let all that computes get ready for a forward pass, outside of what is compiled.

        Raises:
            Incompatible: see `verify`.
            UsageProblem: other streams or masks than the adapters have.
        """
        self.verify()
        if call is not None:
            self._require_streams(call)
        for item in self._placed:
            item.processor.begin(call)
        for follower in self._followers:
            follower.update.begin(call)

    def verify(self) -> None:
        """Make sure that every processor is still where it was put.

        Several calls of diffusers exchange processors or whole layers without a word (fused projections, IP adapters,
        slicing, FreeNoise). The adapters would then do nothing, silently.

        Raises:
            Incompatible: a site is computed by something else.
        """
        for site in self._sites:
            refuse_foreign_hooks(site)
            if _layer_at(self._denoiser, site.path) is not site.module:
                msg = f"the layer `{site.path}` was exchanged for another while adapters are attached"
                raise Incompatible(msg, hint="change the base first, then attach adapters")
        for item in self._placed:
            if item.site.processor is not item.processor:
                seen = type(item.site.processor).__name__
                msg = f"adapters were detached at `{item.site.path}`: `{seen}` computes it now"
                raise Incompatible(msg, hint="change the base's attention before adapters are attached")

    def _require_streams(self, call: Call) -> None:
        if self._masks and call.streams not in {1, 1 + self._masks}:
            msg = f"`{call.streams}` streams, expected the pictures alone or with {self._masks} mask streams"
            raise UsageProblem(msg)
        if call.regions is not None and call.regions.masks != self._masks:
            msg = f"`{call.regions.masks}` masks, expected one for each of {self._masks} masked adapters"
            raise UsageProblem(msg)

    def detach(self) -> None:
        """Take the adapters off; a second time does nothing."""
        self._guard.remove()
        for follower in self._followers:
            follower.stream.clear()
        for item in self._placed:
            item.site.put(item.before)
        self._followers.clear()
        self._placed.clear()


def attach(
    host: Host,
    composition: Composition,
    *,
    observe: Observer | None = None,
    times: Mapping[float, Tensor] | None = None,
) -> Attachment:
    """Adapters on a host, until `Attachment.detach`; before each forward pass the processors are verified.

    Args:
        host: any base, or a denoiser somebody else runs.
        composition: adapters whose parts fit the host's sites.
        observe: is told each adapter's update at each site; see `SiteProcessor`.
        times: time embeddings by timestep of a run that is about to start; see `CrossFrameUpdates`.

    Raises:
        Incompatible: an adapter was made for other sites, or adapters are attached already.
    """
    sites = host.sites()
    _require_fit(sites, composition)
    attachment = Attachment(host.denoiser, sites, host.calls, masks=len(composition.masked))
    try:
        attachment.verify()
        for site in sites:
            _place(attachment, host, composition, site, observe, times)
    except BaseException:
        attachment.detach()
        raise
    return attachment


@contextmanager
def attached(
    base: Base, composition: Composition, *, observe: Observer | None = None, timesteps: Sequence[float] = ()
) -> Iterator[Attachment]:
    """A base with adapters on it; at the end it is exactly what it was. See `attach`.

    Args:
        base: any base.
        composition: adapters whose parts fit the base's sites.
        observe: is told each adapter's update at each site; see `SiteProcessor`.
        timesteps: of the sampler that will run: what adapters make of them is computed before it starts. The adapters'
            tensors must then stay as they are.
    """
    times = {timestep: base.time_embedding(timestep) for timestep in timesteps}
    attachment = attach(base, composition, observe=observe, times=times)
    try:
        yield attachment
    finally:
        attachment.detach()


def _place(
    attachment: Attachment,
    host: Host,
    composition: Composition,
    site: AttentionSite,
    observe: Observer | None,
    times: Mapping[float, Tensor] | None,
) -> None:
    processor = _processor(host, composition, site, observe, times)
    if processor is not None:
        attachment.put(site, processor)
    behind = _sequential_terms(composition, site)
    if not behind:
        return
    if site.stream is None:
        msg = f"there is no residual stream behind `{site.path}`"
        raise Incompatible(msg)
    update = SequentialCrossFrame(site, behind, composition, calls=host.calls, observe=observe, times=times)
    attachment.follow(site.stream, update)


def _processor(
    host: Host,
    composition: Composition,
    site: AttentionSite,
    observe: Observer | None,
    times: Mapping[float, Tensor] | None = None,
) -> SiteProcessor | None:
    """What should compute `site`; None where the base computes it as ever."""
    terms = [term for term in composition.terms(site) if not _is_sequential(term)]
    share = composition.base_share(site)
    in_regions = site.kind == "self" and bool(composition.masked)
    if not terms and not in_regions and (site.kind != "cross" or share == 1):
        return None
    # the kind of a site decides the kind of its parts, which the type checker can not see
    if site.kind == "self":
        references = cast("Sequence[Term[CrossFrameAttention]]", terms)
        return SelfProcessor(site, references, composition, calls=host.calls, observe=observe, times=times)
    if site.kind == "temporal":
        updates = cast("Sequence[Term[TemporalLora]]", terms)
        return TemporalProcessor(site, updates, composition, calls=host.calls, observe=observe)
    prompts = cast("Sequence[Term[ImplicitPrompt]]", terms)
    return CrossProcessor(site, prompts, composition, calls=host.calls, observe=observe, base_share=share)


def _sequential_terms(composition: Composition, site: AttentionSite) -> list[Term[CrossFrameAttention]]:
    terms = [term for term in composition.terms(site) if _is_sequential(term)]
    return cast("list[Term[CrossFrameAttention]]", terms)


def _is_sequential(term: Term) -> bool:
    return isinstance(term.part, CrossFrameAttention) and term.part.spec.placement == "sequential"


def _require_fit(sites: Sequence[AttentionSite], composition: Composition) -> None:
    paths = {site.path for site in sites}
    for adapter, _ in composition.entries:
        strangers = sorted({*adapter.parts, *adapter.mask_parts} - paths)
        if strangers:
            msg = f"the adapter has a part at `{strangers[0]}`, which the base does not have"
            raise Incompatible(msg, hint=f"it was made for base `{adapter.spec.base.name}`")
    for site in sites:
        if isinstance(site.processor, SiteProcessor):
            msg = f"adapters are attached already, at `{site.path}`"
            raise Incompatible(msg, hint="compose them instead of attaching twice")


def _layer_at(denoiser: DenoiserModel, path: str) -> object:
    try:
        return denoiser.get_submodule(path)
    except AttributeError:
        return None
