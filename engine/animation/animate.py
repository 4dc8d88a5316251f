"""One photo from its file to its clip, as one straight line."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.animation.clip_files import format_of, partial_place, write_clip_file
from engine.animation.generation import GenerationInterrupted, encode_frame, finish, sample
from engine.animation.mask_clips import decoded_masks, write_mask_clips
from engine.animation.memory import memory_problems
from engine.animation.photo_framing import frame_photo
from engine.animation.photo_masks import mask_guidance, masks_of_photo
from engine.animation.provenance import frames_digest, make_receipt, photo_record, settings_of_run
from engine.animation.saved_latents import (
    keep_latents,
    kept_until_written,
    latents_place,
    plan_digest,
    read_latents,
    tell_of_earlier,
)
from engine.requests import AnimateResult, MovedShare
from engine.video.clip_writer import write_clip
from engine.video.detail_carry import enlarge_clip
from engine.video.framed_picture import to_base, to_picture
from engine.video.photo import open_photo
from registry_schema.errors import Interrupted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from engine.animation.generation import Generated, Sampled
    from engine.animation.photo_masks import PhotoMask
    from engine.animation.studio import Studio
    from engine.progress import Progress
    from engine.requests import AnimateRequest
    from engine.video.framing import Framing
    from engine.video.photo import Photo
    from registry_schema.digests import Digest
    from registry_schema.receipt import Receipt


@dataclass(frozen=True)
class Prepared:
    """A photo, how it meets the base, the still picture that frame 0 will be, and a mask for each masked adapter."""

    photo: Photo
    framing: Framing
    picture: NDArray[np.uint8]
    masks: tuple[PhotoMask, ...] = ()


@dataclass(frozen=True)
class Rendered:
    """A photo's clip before it is written anywhere, the seconds it took, and its masks m f h w if they are wanted."""

    prepared: Prepared
    generated: Generated
    seconds: Mapping[str, float]
    masks: NDArray[np.uint8] | None = None

    def frames(self) -> NDArray[np.uint8]:
        """The clip at output size: f h w 3, sRGB; frame 0 is the photo."""
        return enlarge_clip(self.generated.clip, self.prepared.picture, self.prepared.framing)


@dataclass(frozen=True)
class _SampledPhoto:
    """What a photo's clip is decoded from, where that is kept on disk if it is, and the seconds it took."""

    prepared: Prepared
    latents: Sampled
    place: Path | None
    seconds: Mapping[str, float]


@dataclass
class Stopwatch:
    """Seconds per phase."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count the block's time under `name`."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(time.perf_counter() - started, 3)


def animate_photo(studio: Studio, request: AnimateRequest, progress: Progress) -> AnimateResult:
    """The clip of one photo, written to all outputs with its receipt.

    Raises:
        NotFound, UsageProblem, IntegrityProblem, ResourceProblem: the photo, an output, or memory.
        Interrupted: Ctrl-C; what was sampled so far lies beside the first output as `*.partial.mp4`.
    """
    sampled = _sample_photo(studio, request, progress)
    with kept_until_written(sampled.place, request.command):
        return write_rendered(studio, _decoded(studio, sampled, request, progress), request, progress)


def render_photo(studio: Studio, request: AnimateRequest, progress: Progress) -> Rendered:
    """The clip of one photo, in memory; the request's outputs are for what Ctrl-C leaves.

    Raises:
        NotFound, UsageProblem, IntegrityProblem, ResourceProblem: the photo, or memory.
        Interrupted: as `animate_photo`.
    """
    sampled = _sample_photo(studio, request, progress)
    with kept_until_written(sampled.place, request.command):
        return _decoded(studio, sampled, request, progress)


def write_rendered(studio: Studio, rendered: Rendered, request: AnimateRequest, progress: Progress) -> AnimateResult:
    """A rendered clip in all outputs of the request, with its receipt.

    Args:
        request: the one it was rendered for; its outputs may be others.

    Raises:
        UsageProblem, ResourceProblem: an output can not be written.
    """
    watch = Stopwatch()
    with watch.phase("writing"), memory_problems():
        receipt, notes = _write(studio, rendered.prepared, rendered.generated, request, progress)
        mask_files = _write_masks(studio, rendered, request)
    return AnimateResult(
        photo=request.photo,
        outputs=request.outputs,
        receipt=receipt,
        moved=moved_shares(studio, rendered.generated),
        notes=(
            *rendered.prepared.photo.notes,
            *(note for mask in rendered.prepared.masks for note in mask.notes),
            *notes,
        ),
        seconds={**rendered.seconds, **watch.seconds},
        mask_files=mask_files,
    )


def prepare(studio: Studio, request: AnimateRequest) -> Prepared:
    """Read the photo and plan how it meets the base."""
    photo = open_photo(request.photo)
    framing = frame_photo(photo.size, request.settings, whole=studio.moves_everything)
    masks = masks_of_photo(studio.masked, photo, request.masks, request.found)
    return Prepared(photo, framing, to_picture(photo.pixels, framing), masks)


def moved_shares(studio: Studio, generated: Generated) -> tuple[MovedShare, ...]:
    """What the effect meter saw, by adapter."""
    return tuple(
        MovedShare(use.label, use.record.weight, round(effect.moved, 4), effect.nothing)
        for effect in generated.effects
        for use in (studio.uses[effect.index],)
    )


def _sample_photo(studio: Studio, request: AnimateRequest, progress: Progress) -> _SampledPhoto:
    watch = Stopwatch()
    with watch.phase("photo"), memory_problems():
        prepared = prepare(studio, request)
    plan = plan_digest(studio, prepared.photo, request.settings, prepared.masks)
    place = request.from_latents or (latents_place(request.latents, plan) if request.latents else None)
    try:
        with watch.phase("sampling"), memory_problems():
            sampled = _sampled(studio, prepared, request, plan, progress=progress)
    except GenerationInterrupted as stop:
        raise _keep_partial(stop, prepared, request) from stop
    return _SampledPhoto(prepared, sampled, place, watch.seconds)


def _decoded(studio: Studio, sampled: _SampledPhoto, request: AnimateRequest, progress: Progress) -> Rendered:
    watch = Stopwatch()
    with watch.phase("decoding"), memory_problems():
        generated = finish(studio.base, studio.composition, sampled.latents, progress=progress)
        latents = sampled.latents.masks
        masks = None if latents is None or not request.save_masks else decoded_masks(studio.base, latents)
    return Rendered(sampled.prepared, generated, {**sampled.seconds, **watch.seconds}, masks)


def _sampled(
    studio: Studio, prepared: Prepared, request: AnimateRequest, plan: Digest, *, progress: Progress
) -> Sampled:
    if request.from_latents is not None:
        return read_latents(request.from_latents, plan, studio)
    place = latents_place(request.latents, plan) if request.latents else None
    tell_of_earlier(place, progress)
    first = encode_frame(studio.base, to_base(prepared.photo.pixels, prepared.framing))
    masks = mask_guidance(studio, prepared.masks, prepared.framing, request.settings)
    sampled = sample(studio.base, studio.composition, first, request.settings, masks=masks, progress=progress)
    if place is not None:
        keep_latents(place, sampled, plan, progress)
    return sampled


def _write(
    studio: Studio, prepared: Prepared, generated: Generated, request: AnimateRequest, progress: Progress
) -> tuple[Receipt, tuple[str, ...]]:
    """Write all outputs; the receipt of the first, and notes."""
    notes: list[str] = []
    receipts: list[Receipt] = []
    with progress.phase("writing", 1 + len(request.outputs)) as phase:
        clip = enlarge_clip(generated.clip, prepared.picture, prepared.framing)
        phase.advance()
        for path in request.outputs:
            receipts.append(_receipt(studio, prepared, generated, request, path))
            notes += write_clip_file(path, clip, receipt=receipts[-1])
            phase.advance()
    return receipts[0], tuple(notes)


def _write_masks(studio: Studio, rendered: Rendered, request: AnimateRequest) -> tuple[Path, ...]:
    """The predicted masks beside the first output, if they are wanted."""
    if rendered.masks is None or not request.outputs:
        return ()
    labels = [use.label for use in studio.masked]
    pictures = rendered.generated.clip.frames
    return write_mask_clips(
        request.outputs[0], pictures, dict(zip(labels, rendered.masks, strict=True)), request.settings
    )


def _receipt(studio: Studio, prepared: Prepared, generated: Generated, request: AnimateRequest, path: Path) -> Receipt:
    return make_receipt(
        studio,
        photo_record(prepared.photo),
        settings_of_run(request.settings, studio, prepared.framing.base_size, prepared.masks),
        frames=frames_digest(generated.clip.frames),
        clip_format=format_of(path),
        tools=request.tools,
    )


def _keep_partial(stop: GenerationInterrupted, prepared: Prepared, request: AnimateRequest) -> Interrupted:
    """Write what there is; the error says where it lies."""
    if stop.clip is None or not request.outputs:
        return Interrupted(f"{stop.message}, nothing was written", hint="run it again")
    clip = enlarge_clip(stop.clip, prepared.picture, prepared.framing)
    place = partial_place(request.outputs[0])
    write_clip(clip, place, fps=request.settings.fps, loop=request.settings.loop)
    return Interrupted(f"{stop.message}; what there is lies in `{place}`", hint="run it again for the whole clip")
