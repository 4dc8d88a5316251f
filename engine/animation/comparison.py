"""What a composition's adapters do to each other: the cosine of their updates, and one clip of several weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from engine.adapters.conflict import conflicts
from engine.animation.generation import encode_frame, finish, sample
from engine.animation.memory import memory_problems
from engine.animation.photo_framing import frame_photo
from engine.animation.photo_masks import mask_guidance, masks_of_photo
from engine.device import draw_noise
from engine.requests import CompareResult, SiteCosine
from engine.sampling.schedule import schedule_of
from engine.shapes import latent_shape
from engine.video.clip_writer import write_clip
from engine.video.framed_picture import to_base
from engine.video.photo import open_photo

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from engine.animation.photo_masks import PhotoMask
    from engine.animation.studio import Studio
    from engine.progress import Progress
    from engine.requests import CompareRequest
    from engine.video.framing import Framing
    from registry_schema.names import AdapterName
    from registry_schema.receipt import RunSettings

CELL_SCALE = 2  # a base of 128 x 80 pixels is too small to be judged at its own size
LINE_HEIGHT = 16
GAP = 4
INK, PAPER = (20, 20, 20), (245, 245, 245)


@dataclass(frozen=True)
class Cell:
    """One clip `f h w 3` of a grid, and the lines above it."""

    label: tuple[str, ...]
    frames: NDArray[np.uint8]


@dataclass(frozen=True)
class Shown:
    """A photo as frame 0 of the base, `h w 3`, how it got there, and its mask for each masked adapter."""

    frame: NDArray[np.uint8]
    framing: Framing
    masks: Mapping[AdapterName, PhotoMask]


def compare_adapters(studio: Studio, request: CompareRequest, progress: Progress) -> CompareResult:
    """The cosines of all pairs at all sites they share, and the grid if a photo and weights were given.

    Raises:
        NotFound, UsageProblem, IntegrityProblem, ResourceProblem: the photo, the output, or memory.
        Interrupted: Ctrl-C; nothing was written.
    """
    with memory_problems():
        shown = _shown(studio, request)
        cosines = _cosines(studio, None if shown is None else shown.frame, request.settings)
        if shown is None or request.output is None or not request.grid:
            return CompareResult(cosines, None)
        cells = _cells(studio, shown, request, progress)
        write_clip(labelled_grid(cells), request.output, fps=request.settings.fps)
    notes = (note for mask in shown.masks.values() for note in mask.notes)
    return CompareResult(cosines, request.output, tuple(notes))


def labelled_grid(cells: Sequence[Cell]) -> NDArray[np.uint8]:
    """The cells side by side, `f h w 3`, each under its label; both sides even, as video needs."""
    framed = [_labelled(cell) for cell in cells]
    gap = np.full((*framed[0].shape[:2], GAP, 3), PAPER, dtype=np.uint8)
    parts = [part for cell in framed for part in (cell, gap)][:-1]
    grid = np.concatenate(parts, axis=2)
    below, beside = grid.shape[1] % 2, grid.shape[2] % 2
    return np.pad(grid, ((0, 0), (0, below), (0, beside), (0, 0)), mode="edge")


def _labelled(cell: Cell) -> NDArray[np.uint8]:
    frames = cell.frames.repeat(CELL_SCALE, axis=1).repeat(CELL_SCALE, axis=2)
    strip = Image.new("RGB", (frames.shape[2], LINE_HEIGHT * len(cell.label) + GAP), PAPER)
    for place, line in enumerate(cell.label):
        ImageDraw.Draw(strip).text((GAP, LINE_HEIGHT * place), line, fill=INK, font=ImageFont.load_default(12))
    label = np.broadcast_to(np.asarray(strip)[None], (len(frames), *np.asarray(strip).shape))
    return np.concatenate([label, frames], axis=1)


def _shown(studio: Studio, request: CompareRequest) -> Shown | None:
    if request.photo is None:
        return None
    photo = open_photo(request.photo)
    framing = frame_photo(photo.size, request.settings, whole=studio.moves_everything)
    uses = [use for use in studio.uses if use.spec.masked]
    masks = masks_of_photo(uses, photo, request.masks, request.found)
    return Shown(to_base(photo.pixels, framing), framing, {mask.record.adapter: mask for mask in masks})


def _cells(studio: Studio, shown: Shown, request: CompareRequest, progress: Progress) -> list[Cell]:
    first = encode_frame(studio.base, shown.frame)
    cells = []
    with progress.phase("clips", len(request.grid)) as phase:
        for weights in request.grid:
            frames = _clip(studio.at(weights), first, shown, request.settings, progress)
            cells.append(Cell(_label(studio, weights), frames))
            phase.advance()
    return cells


def _clip(studio: Studio, first: Tensor, shown: Shown, settings: RunSettings, progress: Progress) -> NDArray[np.uint8]:
    """The base's clip `f h w 3`; an adapter without weight has no mask stream."""
    masks = [shown.masks[use.record.name] for use in studio.masked]
    guidance = mask_guidance(studio, masks, shown.framing, settings)
    sampled = sample(studio.base, studio.composition, first, settings, masks=guidance, progress=progress)
    return finish(studio.base, studio.composition, sampled, measure=False, progress=progress).clip.frames


def _label(studio: Studio, weights: Sequence[float]) -> tuple[str, ...]:
    return tuple(f"{use.label} {weight:.3g}" for use, weight in zip(studio.uses, weights, strict=True))


def _cosines(studio: Studio, frame: NDArray[np.uint8] | None, settings: RunSettings) -> tuple[SiteCosine, ...]:
    """Looked at in the middle of the noise schedule, where motion is decided; every adapter at the same weight."""
    count = len(studio.uses)
    if count < 2:
        return ()
    noisy, timestep = _half_noised(studio, frame, settings)
    found = conflicts(studio.base, studio.weighted([1 / count] * count), noisy, timestep)
    return tuple(
        SiteCosine(
            site=one.path,
            kind=one.kind,
            first=studio.uses[one.first].label,
            second=studio.uses[one.second].label,
            cosine=round(one.cosine, 4),
            strength=round(one.strength, 4),
        )
        for one in found
    )


def _half_noised(studio: Studio, frame: NDArray[np.uint8] | None, settings: RunSettings) -> tuple[Tensor, Tensor]:
    schedule = schedule_of(studio.base.spec.noise_schedule)
    timestep = torch.tensor([float(schedule.train_steps // 2)])
    shape = latent_shape(settings.clip, studio.base.spec.latent)
    if frame is None:
        clean = torch.zeros(1, shape.channels, 1, shape.height, shape.width)
    else:
        clean = encode_frame(studio.base, frame).cpu()
    clean = clean.expand(-1, -1, shape.frames, -1, -1)
    noise = draw_noise(tuple(clean.shape), seed=settings.seed)
    noisy = schedule.add_noise(clean, noise, timestep)
    held = torch.cat([clean[:, :, :1], noisy[:, :, 1:]], dim=2)
    return held.to(studio.base.device), timestep.to(studio.base.device)
