"""The way from mivactl to the engine for pipelines of diffusers; the engine is imported inside functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from registry_schema.adapter_spec import AdapterSpec
    from registry_schema.digests import Digest


def pipeline_architecture(pipeline: Any) -> Digest:  # noqa: ANN401 - a pipeline of diffusers, which has no types
    """Fingerprint of the denoiser of a diffusers pipeline; raises `Incompatible` if it has none for clips."""
    from engine.interop.pipeline_host import pipeline_denoiser, stock_architecture

    return stock_architecture(pipeline_denoiser(pipeline))


def load_into_pipeline(
    pipeline: Any,  # noqa: ANN401
    weights: Path,
    spec: AdapterSpec,
    *,
    name: str,
    weight: float | None,
) -> None:
    """One more adapter on a diffusers pipeline; see `engine.interop.pipeline_adapters`."""
    from engine.interop import pipeline_adapters

    pipeline_adapters.load_into_pipeline(pipeline, weights, spec, name=name, weight=weight)


def weigh_in_pipeline(pipeline: Any, weights: Mapping[str, float]) -> None:  # noqa: ANN401
    """Other weights for the adapters on a diffusers pipeline."""
    from engine.interop import pipeline_adapters

    pipeline_adapters.weigh_in_pipeline(pipeline, weights)


def set_motion_norm(pipeline: Any, norm: str) -> None:  # noqa: ANN401
    """How the motion modules of a diffusers pipeline normalise."""
    from engine.interop import pipeline_adapters

    pipeline_adapters.set_motion_norm(pipeline, norm)


def unload_from_pipeline(pipeline: Any) -> None:  # noqa: ANN401
    """A diffusers pipeline without adapters, as it was."""
    from engine.interop import pipeline_adapters

    pipeline_adapters.unload_from_pipeline(pipeline)


def photo_start(
    pipeline: Any,  # noqa: ANN401
    photo: Path,
    *,
    frames: int,
    width: int,
    height: int,
    seed: int,
) -> dict[str, Any]:
    """Arguments that let a diffusers pipeline begin with a photo; see `engine.interop.pipeline_photo`."""
    from engine.interop.pipeline_photo import photo_start as started

    return started(pipeline, photo, frames=frames, width=width, height=height, seed=seed)
