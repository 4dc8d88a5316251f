"""The way from mivactl to the engine; nothing else in mivactl imports it.

To mypy the engine's functions are what they are in the engine, where each is documented. In a running program each is
imported when it is first called, since most commands need none, and torch takes seconds.
"""

from __future__ import annotations

import os
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import engine
from engine.progress import Phase, Progress, SilentProgress
from mivactl.engine_places import FUNCTIONS, VALUES

if TYPE_CHECKING:
    from engine.animation.animate import Rendered
    from engine.animation.clip_comparison import compare_clips, write_small_copy
    from engine.animation.clip_files import read_receipt as clip_receipt
    from engine.animation.studio import Studio
    from engine.api import (
        animate,
        compare,
        count,
        export_motion_lora,
        import_adapter,
        load_studio,
        plan,
        render,
        train,
    )
    from engine.api import write as write_rendered
    from engine.bases.base_folder import parameter_count, verify_base
    from engine.bases.part_check import check_part
    from engine.bases.published_bases import (
        KnownPublication,
        counted_base_names,
        published_bases,
        repositories_of_base,
    )
    from engine.bases.sealing import seal_base
    from engine.bench.ablations import find_ablation
    from engine.bench.base_clips import make_base_clips
    from engine.bench.cases import lay_out_cases
    from engine.bench.finish import BenchOutcome, finish_run, make_baselines, take_over_clips
    from engine.bench.pictures import FoundGroup, find_pictures
    from engine.bench.reference_maps import ReferenceMap, reference_maps
    from engine.bench.run_file import BenchCase, BenchMethod, BenchRun, Unusable, clip_place, read_run
    from engine.bench.runners.pipeline_runner import run_pipeline
    from engine.bench.speed import SpeedRequest, SpeedResult, measure_speed
    from engine.bench.suite import Group, Suite, find_suite, suite_names
    from engine.clip_requests import CameraMotion, CameraRequest, CameraResult, ClipsRequest, ClipsResult
    from engine.count_requests import CountRequest, CountResult, MaskedCount, MaskedRun, TrainingBytes
    from engine.interop.pipeline_adapters import (
        load_into_pipeline,
        set_motion_norm,
        unload_from_pipeline,
        weigh_in_pipeline,
    )
    from engine.interop.pipeline_host import pipeline_architecture
    from engine.interop.pipeline_photo import photo_start
    from engine.interop.sandbox import convert_pickle
    from engine.machine import Room, room_here
    from engine.mask_requests import (
        MOVING_SUFFIXES,
        UNASKED,
        Box,
        ClipMaskResult,
        ClipMasksRequest,
        MaskHints,
        MaskRequest,
        MaskResult,
        Point,
        Subject,
    )
    from engine.masks.clip_masks import mask_clips
    from engine.masks.find_mask import MaskFinder
    from engine.masks.found_mask import FoundMask, Missed
    from engine.masks.packed_mask import PackedMask, pack_mask
    from engine.masks.photo_mask import mask_photo
    from engine.masks.published_models import SEGMENTER, PublishedModel
    from engine.masks.unasked import find_unasked, open_mask_finder
    from engine.metrics.weights_folder import PublishedFile, PublishedWeights, WeightsFolder, published_weights
    from engine.metrics.weights_folder import write_record as write_weights_record
    from engine.pretraining.bench_pictures import draw_pictures
    from engine.pretraining.sample_picture import write_sample_picture
    from engine.recipe import TrainRecipe, training_recipe
    from engine.requests import (
        AdapterUse,
        AnimateRequest,
        AnimateResult,
        ClipComparison,
        CompareRequest,
        CompareResult,
        ExportRequest,
        ExportResult,
        ImportChoices,
        ImportRequest,
        ImportResult,
        MovedShare,
        SiteCosine,
        StudioRequest,
        Tracker,
        TrainingPlan,
        TrainRequest,
        TrainResult,
    )
    from engine.run_settings import RunChoices, settle
    from engine.training.camera_clips import make_camera_clips
    from engine.training.clip_doctor import examine_clips
    from engine.training.launch import run_on_devices
    from engine.video.clip_reader import Clip, read_clip
    from engine.video.clip_writer import write_clip
    from engine.video.framed_picture import resized as resized_picture
    from engine.video.photo import open_photo
    from registry_schema.adapter_spec import AdapterSpec
    from registry_schema.base_spec import BaseFamily
    from registry_schema.receipt import RunSettings

__all__ = [
    "MOVING_SUFFIXES",
    "SEGMENTER",
    "UNASKED",
    "AdapterUse",
    "AnimateRequest",
    "AnimateResult",
    "BenchCase",
    "BenchMethod",
    "BenchOutcome",
    "BenchRun",
    "Box",
    "CameraMotion",
    "CameraRequest",
    "CameraResult",
    "Clip",
    "ClipComparison",
    "ClipMaskResult",
    "ClipMasksRequest",
    "ClipsRequest",
    "ClipsResult",
    "CompareRequest",
    "CompareResult",
    "CountRequest",
    "CountResult",
    "ExportRequest",
    "ExportResult",
    "FoundGroup",
    "FoundMask",
    "Group",
    "ImportChoices",
    "ImportRequest",
    "ImportResult",
    "KnownPublication",
    "MaskFinder",
    "MaskHints",
    "MaskRequest",
    "MaskResult",
    "MaskedCount",
    "MaskedRun",
    "Missed",
    "MovedShare",
    "PackedMask",
    "Phase",
    "Point",
    "Progress",
    "PublishedFile",
    "PublishedModel",
    "PublishedWeights",
    "ReferenceMap",
    "Rendered",
    "Room",
    "RunChoices",
    "SilentProgress",
    "SiteCosine",
    "SpeedRequest",
    "SpeedResult",
    "Studio",
    "StudioRequest",
    "Subject",
    "Suite",
    "Tracker",
    "TrainRecipe",
    "TrainRequest",
    "TrainResult",
    "TrainingBytes",
    "TrainingPlan",
    "Unusable",
    "WeightsFolder",
    "animate",
    "check_binding",
    "check_part",
    "clip_place",
    "clip_receipt",
    "compare",
    "compare_clips",
    "convert_pickle",
    "count",
    "counted_base_names",
    "device_name",
    "draw_pictures",
    "examine_clips",
    "expected_tensors",
    "export_motion_lora",
    "find_ablation",
    "find_pictures",
    "find_suite",
    "find_unasked",
    "finish_run",
    "frame_size",
    "import_adapter",
    "lay_out_cases",
    "load_into_pipeline",
    "load_studio",
    "make_base_clips",
    "make_baselines",
    "make_camera_clips",
    "mask_clips",
    "mask_photo",
    "measure_speed",
    "open_mask_finder",
    "open_photo",
    "pack_mask",
    "packaged_base_folders",
    "parameter_count",
    "photo_pixels",
    "photo_start",
    "pipeline_architecture",
    "plan",
    "published_bases",
    "published_weights",
    "read_clip",
    "read_run",
    "reference_maps",
    "render",
    "repositories_of_base",
    "resized_picture",
    "room_here",
    "run_on_devices",
    "run_pipeline",
    "seal_base",
    "set_motion_norm",
    "settle",
    "suite_names",
    "take_over_clips",
    "train",
    "training_recipe",
    "unload_from_pipeline",
    "verify_base",
    "weigh_in_pipeline",
    "write_clip",
    "write_rendered",
    "write_sample_picture",
    "write_small_copy",
    "write_weights_record",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the engine calls so
    if name in VALUES:
        return getattr(import_module(VALUES[name]), name)
    if name in FUNCTIONS:
        return partial(_call, FUNCTIONS[name])
    raise AttributeError(f"module `{__name__}` has no attribute `{name}`")


def _call(place: str, /, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever stands there
    _prepare_threads()
    module, _, name = place.rpartition(".")
    return getattr(import_module(module), name)(*args, **kwargs)


def _prepare_threads() -> None:
    """Tell OpenMP, before torch loads it, that waiting threads sleep; a person's own setting stays.

    They spin by default. On two cores with other busy processes a step of the base then took 70 s, not 1.2 s.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def packaged_base_folders() -> tuple[Path, ...]:
    """The folders of the bases that come with the engine, each with a `base.json`; no torch is loaded."""
    folder = Path(str(engine.__file__)).parent / "bases"
    return tuple(path.parent for path in sorted(folder.glob("*/base.json")))


def device_name() -> str:
    """What torch would compute on here, as it calls it; raises whatever a broken torch raises."""
    from engine.device import choose_device

    _prepare_threads()
    return str(choose_device())


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


def check_binding(weights: Path, spec: AdapterSpec, base: Path) -> None:
    """Make sure that every tensor of an adapter file has its place on the base in a folder, and none is missing.

    Raises:
        Incompatible: tensors are missing, too many, or of another shape.
        NotFound, IntegrityProblem: no such file, or a broken one.
    """
    from engine.adapters.weights import require_binding
    from engine.bases.catalog import base_sites

    require_binding(weights, spec, base_sites(base))


def expected_tensors(spec: AdapterSpec, folder: Path, family: BaseFamily) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the tensors an adapter of this spec has on a base, of which only the configuration is read.

    Raises:
        IntegrityProblem: the folder has no configuration of a denoiser.
    """
    from engine.adapters.weights import expected_tensors as expected
    from engine.bases.catalog import folder_sites

    return expected(spec, folder_sites(folder, family))
