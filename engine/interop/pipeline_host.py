"""The denoiser of a diffusers pipeline that somebody else runs, as something adapters can stand on."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from diffusers import UNetMotionModel, WanTransformer3DModel

from engine.bases.call import Call, CurrentCall
from engine.bases.unet_motion import unet_sites
from engine.bases.wan import wan_sites
from registry_schema.compatibility import fingerprint
from registry_schema.errors import Incompatible

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor, nn
    from torch.utils.hooks import RemovableHandle

    from engine.bases.attention_site import AttentionSite
    from engine.bases.diffusers_types import DenoiserModel, DiffusersModel
    from registry_schema.digests import Digest


@dataclass(frozen=True)
class DenoiserKind:
    """One class of denoiser: how its sites are found, what makes its time embedding, what its input is called."""

    model: type[DenoiserModel]
    sites: Callable[[DenoiserModel], tuple[AttentionSite, ...]]
    time_module: str
    input_name: str


_KINDS = (
    DenoiserKind(UNetMotionModel, unet_sites, "time_embedding", "sample"),
    DenoiserKind(WanTransformer3DModel, wan_sites, "condition_embedder", "hidden_states"),
)
# what style LoRAs, IP-Adapters and fused projections add to the names of a model's tensors
_ADDED = ("lora_", "encoder_hid_proj.", ".processor.", ".to_qkv.", ".to_kv.")


def pipeline_denoiser(pipeline: DiffusersModel) -> DenoiserModel:
    """The one model of a pipeline that denoises clips.

    Raises:
        Incompatible: the pipeline has another kind of model, or two that take turns.
    """
    if getattr(pipeline, "transformer_2", None) is not None:
        msg = f"`{type(pipeline).__name__}` has two denoisers that take turns, expected one"
        raise Incompatible(msg, hint="adapters are for Wan 2.1, which has one")
    denoiser = getattr(pipeline, "unet", None) or getattr(pipeline, "transformer", None)
    if _kind(denoiser) is None:
        seen = type(denoiser).__name__
        msg = f"`{type(pipeline).__name__}` denoises with `{seen}`, expected `UNetMotionModel` or a Wan transformer"
        raise Incompatible(msg, hint="use AnimateDiffPipeline or WanPipeline")
    return denoiser


def stock_architecture(denoiser: DenoiserModel) -> Digest:
    """Fingerprint of a denoiser as it came: without the tensors of style LoRAs and IP-Adapters that are on it."""
    tensors: Mapping[str, Tensor] = denoiser.state_dict()
    stock = {name: tensor for name, tensor in tensors.items() if not any(word in name for word in _ADDED)}
    return fingerprint({name.replace(".base_layer.", "."): tuple(tensor.shape) for name, tensor in stock.items()})


class PipelineHost:
    """A `Host` whose forward passes are started by somebody else: hooks tell each pass's shape and time embedding.

    Args:
        denoiser: of a pipeline.
    """

    def __init__(self, denoiser: DenoiserModel) -> None:
        kind = _kind(denoiser)
        if kind is None:
            msg = f"`{type(denoiser).__name__}` is no denoiser adapters can stand on"
            raise Incompatible(msg)
        self.denoiser = denoiser
        self.calls = CurrentCall()
        self._kind = kind
        self._in_progress = ExitStack()
        time_module = denoiser.get_submodule(kind.time_module)
        self._handles: tuple[RemovableHandle, ...] = (
            denoiser.register_forward_pre_hook(self._begin, with_kwargs=True),
            denoiser.register_forward_hook(self._end, always_call=True),
            time_module.register_forward_hook(self._note_time),
        )

    def sites(self) -> tuple[AttentionSite, ...]:
        """All attention layers adapters can stand on, as they are now."""
        return self._kind.sites(self.denoiser)

    def close(self) -> None:
        """Leave the denoiser as it was."""
        for handle in self._handles:
            handle.remove()
        self._in_progress.close()

    def _begin(self, _module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        noisy: Tensor = args[0] if args else kwargs[self._kind.input_name]
        samples, _, frames, height, width = noisy.shape
        self._in_progress.close()
        call = Call(batch=samples, streams=1, frames=frames, height=height, width=width)
        self._in_progress.enter_context(self.calls.during(call))

    def _end(self, *_: object) -> None:
        self._in_progress.close()

    def _note_time(self, _module: nn.Module, _args: object, output: Tensor | tuple[Tensor, ...]) -> None:
        embedding = output[0] if isinstance(output, tuple) else output
        if embedding.dim() != 2:
            msg = "the pipeline gives each token a timestep of its own, expected one per clip"
            raise Incompatible(msg, hint="adapters are for Wan 2.1")
        self.calls.note_time_embedding(embedding)


def _kind(denoiser: object) -> DenoiserKind | None:
    return next((kind for kind in _KINDS if isinstance(denoiser, kind.model)), None)


def pipeline_architecture(pipeline: Any) -> Digest:  # noqa: ANN401 - a pipeline of diffusers, which has no types
    """Fingerprint of the denoiser of a diffusers pipeline; raises `Incompatible` if it has none for clips."""
    return stock_architecture(pipeline_denoiser(pipeline))
