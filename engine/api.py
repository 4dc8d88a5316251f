"""The doors of the engine: load a studio, animate photos in it, compare adapters, train or import one, count costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.animation.animate import animate_photo, render_photo, write_rendered
from engine.animation.comparison import compare_adapters
from engine.animation.memory import SMALLER_TRAINING, memory_problems
from engine.animation.studio import Studio, open_studio
from engine.progress import SilentProgress
from engine.requests import ExportResult, ImportResult

if TYPE_CHECKING:
    from engine.animation.animate import Rendered
    from engine.count_requests import CountRequest, CountResult
    from engine.progress import Progress
    from engine.requests import (
        AnimateRequest,
        AnimateResult,
        CompareRequest,
        CompareResult,
        ExportRequest,
        ImportRequest,
        StudioRequest,
        TrainingPlan,
        TrainRequest,
        TrainResult,
    )

__all__ = [
    "Studio",
    "animate",
    "compare",
    "count",
    "export_motion_lora",
    "import_adapter",
    "load_studio",
    "plan",
    "render",
    "train",
    "write",
]


def load_studio(request: StudioRequest, progress: Progress | None = None) -> Studio:
    """A base with adapters, loaded once for any number of photos; see `open_studio`."""
    with memory_problems():
        return open_studio(request, progress or SilentProgress())


def animate(studio: Studio, request: AnimateRequest, progress: Progress | None = None) -> AnimateResult:
    """The clip of one photo; see `animate_photo`."""
    return animate_photo(studio, request, progress or SilentProgress())


def render(studio: Studio, request: AnimateRequest, progress: Progress | None = None) -> Rendered:
    """The clip of one photo, in memory; see `render_photo`."""
    return render_photo(studio, request, progress or SilentProgress())


def write(
    studio: Studio, rendered: Rendered, request: AnimateRequest, progress: Progress | None = None
) -> AnimateResult:
    """A rendered clip in the files of a request; see `write_rendered`."""
    return write_rendered(studio, rendered, request, progress or SilentProgress())


def compare(studio: Studio, request: CompareRequest, progress: Progress | None = None) -> CompareResult:
    """Where adapters conflict, and a grid of clips at other weights; see `compare_adapters`."""
    return compare_adapters(studio, request, progress or SilentProgress())


def train(request: TrainRequest, progress: Progress | None = None) -> TrainResult:
    """A new adapter from a folder of clips, as a draft in the folder asked for; see `train_adapter`."""
    # Decoding clips takes PyAV and the training loop: animating does without both.
    from engine.training.train import train_adapter

    with memory_problems(SMALLER_TRAINING):
        return train_adapter(request, progress or SilentProgress())


def plan(request: TrainRequest, progress: Progress | None = None) -> TrainingPlan:
    """What a training would cost, from a few real steps of it; see `plan_training`."""
    from engine.training.plan import plan_training

    with memory_problems(SMALLER_TRAINING):
        return plan_training(request, progress or SilentProgress())


def import_adapter(request: ImportRequest) -> ImportResult:
    """An authors' checkpoint or a motion LoRA as a draft in the folder asked for.

    Raises:
        NotFound, IntegrityProblem, ResourceProblem: no such file, or one that can not be read.
        Incompatible: it does not hold a whole adapter for the base.
        Busy: the folder holds an adapter already.
    """
    from engine.interop.checkpoint_import import import_checkpoint
    from engine.interop.imported_draft import write_imported_draft
    from engine.interop.motion_lora import import_motion_lora

    with memory_problems():
        if request.motion_lora:
            imported = import_motion_lora(request.file, request.base, motion=request.choices.motion)
        else:
            imported = import_checkpoint(request.file, request.base, request.choices)
        write_imported_draft(request.output, imported, request.name, source=request.file)
    return ImportResult(
        folder=request.output,
        spec=imported.adapter.spec,
        tensors=imported.tensors,
        step=imported.step,
        notes=imported.notes,
    )


def export_motion_lora(request: ExportRequest) -> ExportResult:
    """The temporal part of an adapter as a file for `load_lora_weights` of diffusers.

    Raises:
        Incompatible: it has no temporal part.
        NotFound, IntegrityProblem: its weights are missing or broken.
    """
    from engine.adapters.tensor_file import read_tensor_header
    from engine.interop.motion_lora import motion_lora_bytes, motion_norm_notes
    from engine.video.whole_output import whole_file

    content, rank, tensors = motion_lora_bytes(request.weights, request.spec, request.base)
    with whole_file(request.output) as fresh:
        fresh.write_bytes(content)
    total = len(read_tensor_header(request.weights).tensors)
    return ExportResult(
        file=request.output,
        rank=rank,
        tensors=tensors,
        left_behind=total - tensors,
        notes=motion_norm_notes(request.spec),
    )


def count(request: CountRequest, progress: Progress | None = None) -> CountResult:
    """What adapters cost on a base, from shapes alone; see `count_base`."""
    from engine.counting.count import count_base

    return count_base(request, progress or SilentProgress())
