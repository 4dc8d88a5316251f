"""Adapters on a diffusers pipeline a person already has: load, weigh, take off again."""

from __future__ import annotations

import difflib
import math
from typing import TYPE_CHECKING

from engine.adapters.attach import attach
from engine.adapters.composition import Composition
from engine.adapters.weights import load_adapter
from engine.interop.pipeline_host import PipelineHost, pipeline_denoiser, stock_architecture
from engine.interop.pipeline_motion_norm import require_motion_norm, switch_motion_norm
from engine.interop.pipeline_schedule import require_schedule
from registry_schema.errors import Incompatible, NotFound, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch.utils.hooks import RemovableHandle

    from engine.adapters.attach import Attachment
    from engine.adapters.miva import MivaAdapter
    from engine.bases.diffusers_types import DenoiserModel, DiffusersModel
    from registry_schema.adapter_spec import AdapterSpec

_KEPT_AS = "_miva_adapters"


def load_into_pipeline(
    pipeline: DiffusersModel, weights: Path, spec: AdapterSpec, *, name: str, weight: float | None = None
) -> None:
    """Put one more adapter on a pipeline's denoiser; from now on the pipeline moves with it.

    Adapters without a weight share equally what the others leave of 1.

    Args:
        pipeline: an `AnimateDiffPipeline`, a `WanPipeline`, or another with the same denoiser.
        weights: the adapter's file.
        spec: what it holds.
        name: what `weigh_in_pipeline` will call it.
        weight: of the adapter; may be changed later.

    Raises:
        Incompatible: the adapter was made for another architecture, schedule or motion norm, or something else keeps it
            off.
        UsageProblem: the name is taken, or there is no weight left.
        NotFound, IntegrityProblem: the file is missing or broken.
    """
    denoiser = pipeline_denoiser(pipeline)
    if spec.masked:
        msg = "the adapter is masked, and a pipeline of diffusers has no mask streams"
        raise Incompatible(msg, hint="load the adapter's plain build")
    _require_same_architecture(pipeline, denoiser, spec)
    require_schedule(pipeline, spec.noise_schedule)
    require_motion_norm(denoiser, spec.motion_norm)
    adapters = _adapters_on(denoiser) or PipelineAdapters(denoiser)
    try:
        adapters.add(weights, spec, name=name, weight=weight)
    except BaseException:
        if not adapters.names:
            adapters.close()
        raise
    setattr(denoiser, _KEPT_AS, adapters)


def weigh_in_pipeline(pipeline: DiffusersModel, weights: Mapping[str, float]) -> None:
    """Set the weights of all loaded adapters; those that are not named are silent. Without any, the base runs alone.

    Raises:
        NotFound: no adapter of that name is loaded.
        UsageProblem: nothing is loaded, or a weight is not finite.
    """
    _loaded(pipeline).weigh(weights)


def unload_from_pipeline(pipeline: DiffusersModel) -> None:
    """Take all adapters off; the pipeline is what it was before the first one, bit for bit.

    Raises:
        UsageProblem: nothing is loaded.
    """
    _loaded(pipeline).close()
    delattr(pipeline_denoiser(pipeline), _KEPT_AS)


def set_motion_norm(pipeline: DiffusersModel, norm: str) -> None:
    """Let a pipeline's motion modules normalise each `frame`, or all frames of a `clip` together as diffusers does.

    Raises:
        UsageProblem: another word, or adapters are loaded, which were trained with what is on now.
        Incompatible: the pipeline has no motion modules, or they can not be changed any more.
    """
    denoiser = pipeline_denoiser(pipeline)
    if _adapters_on(denoiser) is not None:
        msg = "adapters are loaded into the pipeline, and were trained with the motion norm that is on"
        raise UsageProblem(msg, hint="`unload_miva(pipe)` first")
    switch_motion_norm(denoiser, norm)


class PipelineAdapters:
    """The adapters on one denoiser, with their weights.

    Args:
        denoiser: of a pipeline.
    """

    def __init__(self, denoiser: DenoiserModel) -> None:
        self._denoiser = denoiser
        # before the host's own hook: a pass with adapters begins with them in the right place
        self._handle: RemovableHandle = denoiser.register_forward_pre_hook(self._follow, with_kwargs=True)
        self._host = PipelineHost(denoiser)
        self._adapters: dict[str, MivaAdapter] = {}
        self._weights: dict[str, float | None] = {}
        self._attachment: Attachment | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Of the loaded adapters, in the order they came."""
        return tuple(self._adapters)

    def add(self, path: Path, spec: AdapterSpec, *, name: str, weight: float | None) -> None:
        """Load one more and run with it."""
        if name in self._adapters:
            msg = f"adapter `{name}` is loaded already"
            raise UsageProblem(msg, hint=f"`set_adapters(pipe, {{{name!r}: 0.5}})` changes its weight")
        wanted = shared_weights({**self._weights, name: weight})
        self._detach()
        try:
            adapter = load_adapter(path, spec, self._host.sites(), dtype=self._denoiser.dtype)
            self._attach({**self._adapters, name: adapter}, wanted)
        except BaseException:
            if self._adapters:
                self._attach(self._adapters, shared_weights(self._weights))
            raise
        self._adapters[name] = adapter
        self._weights[name] = weight

    def weigh(self, weights: Mapping[str, float]) -> None:
        """Run with other weights; see `weigh_in_pipeline`."""
        for name, weight in weights.items():
            if name not in self._adapters:
                near = difflib.get_close_matches(name, self._adapters, n=1)
                hint = f"did you mean `{near[0]}`?" if near else f"loaded: {', '.join(self._adapters)}"
                msg = f"no adapter `{name}` is loaded into the pipeline"
                raise NotFound(msg, hint=hint)
            if not math.isfinite(weight):
                msg = f"the weight of `{name}` is `{weight}`, expected a finite number"
                raise UsageProblem(msg)
        self._detach()
        self._weights = {name: weights.get(name, 0.0) for name in self._adapters}
        self._attach(self._adapters, shared_weights(self._weights))

    def close(self) -> None:
        """Leave the denoiser as it was."""
        self._detach()
        self._host.close()
        self._handle.remove()

    def _attach(self, adapters: Mapping[str, MivaAdapter], weights: Mapping[str, float]) -> None:
        entries = tuple((adapter, weights[name]) for name, adapter in adapters.items())
        if any(weight != 0 for _, weight in entries):
            self._attachment = attach(self._host, Composition(entries))

    def _detach(self) -> None:
        if self._attachment is not None:
            self._attachment.detach()
        self._attachment = None

    def _follow(self, _module: object, args: tuple[object, ...], kwargs: dict[str, object]) -> None:
        """Bring the adapters to where the pass runs, if the pipeline was moved."""
        given = next(value for value in (*args, *kwargs.values()) if hasattr(value, "device"))
        for adapter in self._adapters.values():
            if next(adapter.parameters()).device != given.device:
                adapter.to(given.device)


def shared_weights(weights: Mapping[str, float | None]) -> dict[str, float]:
    """Weights for all: adapters without one share equally what the others leave of 1.

    Raises:
        UsageProblem: nothing is left.
    """
    silent = [name for name, weight in weights.items() if weight is None]
    left = 1 - sum(weight for weight in weights.values() if weight is not None)
    if silent and left <= 0:
        msg = f"`{silent[0]}` has no weight, and the others leave nothing of 1"
        raise UsageProblem(msg, hint=f"give it one, for example `{silent[0]}:0.5`")
    return {name: left / len(silent) if weight is None else weight for name, weight in weights.items()}


def _adapters_on(denoiser: DenoiserModel) -> PipelineAdapters | None:
    return vars(denoiser).get(_KEPT_AS)


def _loaded(pipeline: DiffusersModel) -> PipelineAdapters:
    adapters = _adapters_on(pipeline_denoiser(pipeline))
    if adapters is None:
        msg = "no adapter is loaded into the pipeline"
        raise UsageProblem(msg, hint="`load_miva(pipe, NAME)` loads one")
    return adapters


def _require_same_architecture(pipeline: DiffusersModel, denoiser: DenoiserModel, spec: AdapterSpec) -> None:
    found = stock_architecture(denoiser)
    if found != spec.base.architecture:
        msg = (
            f"the adapter was trained on base `{spec.base.name}` with architecture "
            f"`{spec.base.architecture.hex[:12]}`, this `{type(pipeline).__name__}` has `{found.hex[:12]}`"
        )
        raise Incompatible(msg, hint="load the base it was trained on, or another adapter")
