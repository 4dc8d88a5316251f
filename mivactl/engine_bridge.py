"""The way from mivactl to the engine; what needs torch is imported inside functions.

Nothing else in mivactl imports the engine but `mivactl.pipeline_bridge`, the same for pipelines of diffusers.
"""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import engine
from engine.progress import Phase, Progress, SilentProgress

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.animation.animate import Rendered
    from engine.animation.studio import Studio
    from engine.bases.published_bases import KnownPublication
    from engine.machine import Room
    from engine.recipe import TrainRecipe
    from engine.requests import (
        AdapterUse,
        AnimateRequest,
        AnimateResult,
        ClipComparison,
        CompareRequest,
        CompareResult,
        CountRequest,
        CountResult,
        ExportRequest,
        ExportResult,
        ImportChoices,
        ImportRequest,
        ImportResult,
        MovedShare,
        SiteCosine,
        StudioRequest,
        TrainRequest,
        TrainResult,
    )
    from engine.run_settings import RunChoices
    from registry_schema.adapter_spec import AdapterSpec
    from registry_schema.base_spec import BaseSource, BaseSpec
    from registry_schema.names import BaseName
    from registry_schema.published_base import PublishedPart
    from registry_schema.receipt import Receipt, RunSettings

__all__ = [
    "AdapterUse",
    "AnimateRequest",
    "AnimateResult",
    "ClipComparison",
    "CompareRequest",
    "CompareResult",
    "CountRequest",
    "CountResult",
    "ExportRequest",
    "ExportResult",
    "ImportChoices",
    "ImportRequest",
    "ImportResult",
    "KnownPublication",
    "MovedShare",
    "Phase",
    "Progress",
    "Rendered",
    "Room",
    "RunChoices",
    "SilentProgress",
    "SiteCosine",
    "Studio",
    "StudioRequest",
    "TrainRecipe",
    "TrainRequest",
    "TrainResult",
    "animate",
    "check_binding",
    "check_part",
    "clip_receipt",
    "compare",
    "compare_clips",
    "count",
    "counted_base_names",
    "draw_sample_picture",
    "export_motion_lora",
    "frame_size",
    "import_adapter",
    "load_studio",
    "packaged_base_folders",
    "parameter_count",
    "photo_pixels",
    "published_bases",
    "render",
    "room_here",
    "seal_base",
    "settle",
    "train",
    "training_recipe",
    "verify_base",
    "write_rendered",
    "write_small_copy",
]

# `list` and `search` come through here too: values they do not need are imported when first asked for.
_LATER: Final = {
    "AdapterUse": "engine.requests",
    "AnimateRequest": "engine.requests",
    "CompareRequest": "engine.requests",
    "CountRequest": "engine.requests",
    "ExportRequest": "engine.requests",
    "ImportChoices": "engine.requests",
    "ImportRequest": "engine.requests",
    "RunChoices": "engine.run_settings",
    "StudioRequest": "engine.requests",
    "TrainRequest": "engine.requests",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the engine calls so
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module `{__name__}` has no attribute `{name}`")


def packaged_base_folders() -> tuple[Path, ...]:
    """The folders of the bases that come with the engine, each with a `base.json`; no torch is loaded."""
    folder = Path(str(engine.__file__)).parent / "bases"
    return tuple(path.parent for path in sorted(folder.glob("*/base.json")))


def published_bases(search: Sequence[Path]) -> tuple[KnownPublication, ...]:
    """The bases that can be fetched; see `engine.bases.published_bases`. No torch is loaded."""
    from engine.bases.published_bases import published_bases as published

    return published(search)


def check_part(folder: Path, part: PublishedPart, publication: KnownPublication, *, weights: Sequence[Path]) -> None:
    """Make sure that a model on disk is a part of a published base; torch is loaded only to name a difference.

    Raises:
        NotFound, Incompatible, IntegrityProblem: see `engine.bases.part_check`.
    """
    from engine.bases.part_check import check_part as checked

    checked(folder, part, publication, weights=weights)


def seal_base(
    folder: Path, publication: KnownPublication, *, name: BaseName, sources: Sequence[BaseSource]
) -> BaseSpec:
    """Make a base of the parts in a folder; see `engine.bases.sealing`. No torch is loaded if they fit."""
    from engine.bases.sealing import seal_base as sealed

    return sealed(folder, publication, name=name, sources=sources)


def verify_base(folder: Path) -> None:
    """Hash a base again; no torch is loaded.

    Raises:
        IntegrityProblem: a file is missing or was changed.
    """
    from engine.bases.base_folder import verify_base as verified

    verified(folder)


def parameter_count(folder: Path) -> int:
    """How many numbers the denoiser in a base's folder has, from file headers; no torch is loaded."""
    from engine.bases.base_folder import parameter_count as counted

    return counted(folder)


def room_here(parameters: int) -> Room:
    """Whether this machine runs a denoiser of so many parameters; no torch is loaded."""
    from engine.machine import room_here as room

    return room(parameters)


def settle(choices: RunChoices, base: BaseSpec, adapters: Sequence[AdapterSpec]) -> RunSettings:
    """Every setting of a run; see `engine.run_settings.settle`. No torch is loaded."""
    from engine.run_settings import settle as settled

    return settled(choices, base, adapters)


def frame_size(photo: Path, settings: RunSettings, *, whole: bool) -> tuple[tuple[int, int], tuple[int, int]]:
    """Width and height of the photo at `photo` and of its clip; reads all of the photo, loads no torch.

    Raises:
        NotFound, UsageProblem, IntegrityProblem, ResourceProblem: it is no photo that can be animated.
    """
    from engine.animation.photo_framing import frame_photo
    from engine.video.photo import open_photo

    size = open_photo(photo).size
    width, height = frame_photo(size, settings, whole=whole).output_size
    return size, (width, height)


def photo_pixels(photo: Path) -> str:
    """Digest of a photo's upright pixels, as receipts have it; loads no torch."""
    from engine.video.photo import open_photo

    return open_photo(photo).pixel_digest


def clip_receipt(clip: Path) -> Receipt | None:
    """The receipt in a clip, verified; None for a file without one. No torch is loaded.

    Raises:
        NotFound, IntegrityProblem: no such file, or an edited receipt.
    """
    from engine.animation.clip_files import read_receipt

    return read_receipt(clip)


def _prepare_threads() -> None:
    """Tell OpenMP, before torch loads it, that waiting threads sleep; a person's own setting stays.

    They spin by default. On two cores with other busy processes a step of the base then took 70 s, not 1.2 s.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def load_studio(request: StudioRequest, progress: Progress) -> Studio:
    """A base with adapters; see `engine.api.load_studio`."""
    _prepare_threads()
    from engine import api

    return api.load_studio(request, progress)


def animate(studio: Studio, request: AnimateRequest, progress: Progress) -> AnimateResult:
    """The clip of one photo; see `engine.api.animate`."""
    _prepare_threads()
    from engine import api

    return api.animate(studio, request, progress)


def render(studio: Studio, request: AnimateRequest, progress: Progress) -> Rendered:
    """The clip of one photo, in memory; see `engine.api.render`."""
    _prepare_threads()
    from engine import api

    return api.render(studio, request, progress)


def write_rendered(studio: Studio, rendered: Rendered, request: AnimateRequest, progress: Progress) -> AnimateResult:
    """A rendered clip in files; see `engine.api.write`."""
    from engine import api

    return api.write(studio, rendered, request, progress)


def compare(studio: Studio, request: CompareRequest, progress: Progress) -> CompareResult:
    """Conflicts and a grid; see `engine.api.compare`."""
    _prepare_threads()
    from engine import api

    return api.compare(studio, request, progress)


def count(request: CountRequest, progress: Progress) -> CountResult:
    """What adapters cost on a base; see `engine.api.count`."""
    _prepare_threads()
    from engine import api

    return api.count(request, progress)


def counted_base_names() -> tuple[str, ...]:
    """Bases that can be counted without their folder. No torch is loaded."""
    from engine.bases.published_bases import published_bases

    return tuple(known.base.facts.name for known in published_bases())


def compare_clips(first: Path, second: Path) -> ClipComparison:
    """How far two clip files differ; see `engine.animation.clip_comparison`. No torch is loaded."""
    from engine.animation.clip_comparison import compare_clips as compared

    return compared(first, second)


def write_small_copy(clip: Path, copy: Path, *, width: int) -> None:
    """A clip at another width, without a receipt; loads no torch."""
    from engine.animation.clip_comparison import write_small_copy as copied

    copied(clip, copy, width=width)


def check_binding(weights: Path, spec: AdapterSpec, base: Path) -> None:
    """Make sure that every tensor of an adapter file has its place on the base in a folder, and none is missing.

    Raises:
        Incompatible: tensors are missing, too many, or of another shape.
        NotFound, IntegrityProblem: no such file, or a broken one.
    """
    from engine.adapters.weights import require_binding
    from engine.bases.catalog import base_sites

    require_binding(weights, spec, base_sites(base))


def train(request: TrainRequest, progress: Progress) -> TrainResult:
    """A new adapter; see `engine.api.train`."""
    _prepare_threads()
    from engine import api

    return api.train(request, progress)


def training_recipe(
    base: BaseSpec, file: bytes | None, overrides: Mapping[str, Any], sets: Sequence[str]
) -> TrainRecipe:
    """A recipe: the base's defaults, then a file, then options, then `section.key=value`; no torch is loaded.

    Raises:
        UsageProblem: not TOML, an unknown key or a value that will not do.
    """
    from engine import recipe

    chosen = recipe.recipe_from_toml(file or b"", defaults=recipe.base_defaults(base))
    document = recipe.merged(chosen.model_dump(by_alias=True), overrides)
    return recipe.recipe_from_dict(recipe.apply_overrides(document, sets))


def import_adapter(request: ImportRequest) -> ImportResult:
    """A checkpoint from elsewhere as a draft; see `engine.api.import_adapter`."""
    _prepare_threads()
    from engine import api

    return api.import_adapter(request)


def export_motion_lora(request: ExportRequest) -> ExportResult:
    """The temporal part of an adapter as a motion LoRA; see `engine.api.export_motion_lora`."""
    _prepare_threads()
    from engine import api

    return api.export_motion_lora(request)


def draw_sample_picture(path: Path) -> None:
    """Draw the sample picture, a landscape with clouds and a waterfall, into a PNG file."""
    _prepare_threads()
    from engine.pretraining.sample_picture import write_sample_picture

    write_sample_picture(path)
