"""What all attention processors of adapters have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Generic, Self

from engine.adapters.composition import Composition, Part_co, Term
from engine.adapters.weighted_sum import WeightedSum
from engine.bases.attention_layer import attend
from registry_schema.errors import Incompatible

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from diffusers.models.attention_dispatch import AttentionBackendName
    from torch import Tensor

    from engine.bases.attention_layer import Rotary
    from engine.bases.attention_site import AttentionSite
    from engine.bases.call import Call, CurrentCall
    from engine.bases.diffusers_types import AttentionModule
    from engine.bases.regions import SiteRegions

    Observer = Callable[[AttentionSite, Mapping[int, Tensor]], None]


class SiteProcessor(ABC, Generic[Part_co]):
    """Computes one attention site of a base with adapters on it.

    A plain object that owns no parameters: nothing of it shows in the base's state dict, and casting or moving the base
    does not reach the adapters.

    Args:
        site: where it stands.
        terms: the adapters' parts there.
        composition: all adapters, those without a part there too; None for the processor of a mask stream.
        calls: the base's call in progress.
        observe: is told each adapter's update at the site, by place in the composition and without its weight.
    """

    # diffusers writes these two on every processor that has them
    _attention_backend: AttentionBackendName | None = None
    _parallel_config: object = None

    def __new__(cls, *args: object, **kwargs: object) -> Self:
        """A processor; without arguments, as `load_ip_adapter` makes one of the class it finds, it is refused.

        Raises:
            Incompatible: no arguments.
        """
        if not args and not kwargs:
            msg = "diffusers would put an attention processor without weights in the place of one with adapters"
            raise Incompatible(msg, hint="load the IP-Adapter first, then attach motion adapters")
        return super().__new__(cls)

    def __init__(
        self,
        site: AttentionSite,
        terms: Sequence[Term[Part_co]],
        composition: Composition | None,
        *,
        calls: CurrentCall,
        observe: Observer | None = None,
    ) -> None:
        self._site = site
        self._terms = tuple(terms)
        self._has_masks = composition is not None and bool(composition.masked)
        self._calls = calls
        self._observe = observe
        self._sum = WeightedSum([term.weight for term in self._terms], site.device)

    def begin(self, call: Call | None) -> None:
        """Get ready for a forward pass of the denoiser, outside of what is compiled.

        Args:
            call: about to run; None where the denoiser is called by itself.
        """
        if call is not None and call.regions is not None:
            call.regions.at(call.grid(self._site.down_scale))

    def __call__(
        self,
        attn: AttentionModule,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        rotary_emb: Rotary | None = None,
    ) -> Tensor:
        """The layer's output, in the shape of `hidden_states`; called by diffusers, by these names."""
        if self._parallel_config is not None:
            msg = "the denoiser runs in context parallel, which splits the frames that adapters compare"
            raise Incompatible(msg, hint="run one clip per device instead")
        if attention_mask is not None:
            msg = f"attention site `{self._site.path}` was given a mask, expected none"
            raise Incompatible(msg)
        return self._compute(attn, hidden_states, encoder_hidden_states, rotary_emb)

    @abstractmethod
    def _compute(
        self, attention: AttentionModule, hidden: Tensor, condition: Tensor | None, rotary: Rotary | None
    ) -> Tensor:
        """The layer's output."""

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        """Refused: the copy would stand on a copied base with weights nobody else knows.

        Raises:
            Incompatible: always.
        """
        msg = f"the denoiser was copied with adapters on it, at `{self._site.path}`"
        raise Incompatible(msg, hint="take the adapters off, copy, and attach them to both")

    def _streams(self) -> Call | None:
        """The call in progress with the streams that masked adapters tell apart; None outside of one."""
        call = self._calls.snapshot()
        return call if call is None or self._has_masks else call.as_samples()

    def _regions(self) -> SiteRegions | None:
        """The masks at this site, if there are any."""
        call = self._calls.snapshot()
        return None if call is None or call.regions is None else call.regions.at(call.grid(self._site.down_scale))

    def _attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """`attend` by the backend that `set_attention_backend` chose."""
        return attend(query, key, value, backend=self._attention_backend)

    def _tell(self, updates: Sequence[Tensor]) -> None:
        if self._observe is not None:
            self._observe(self._site, {term.index: update for term, update in zip(self._terms, updates, strict=True)})
