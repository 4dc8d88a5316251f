"""Clips with known motions for the classifier, drawn once and kept in the work folder as maps of their motion."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import torch
from safetensors.torch import load_file, save_file

import engine
from engine.device import mixed_seed
from engine.pretraining.quality.clip_motion import motion_of
from engine.pretraining.quality.degradation import degraded
from engine.pretraining.quality.features import features_of
from engine.pretraining.quality.motions import CLASSES
from engine.pretraining.quality.real_clips import real_clip
from engine.pretraining.scenes.draws import Draws

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jaxtyping import Float, Int
    from torch import Tensor

    from engine.pretraining.quality.real_clips import Stream
    from engine.progress import Phase, Progress

ENGINE: Final = Path(str(engine.__file__)).parent
DRAWN_BY: Final = (
    "device.py",
    "pretraining/scenes/**/*.py",
    "video/clip_tensor.py",
    "video/optical_flow.py",
    *(
        f"pretraining/quality/{name}.py"
        for name in ("clip_motion", "degradation", "features", "labelled_clips", "motions", "real_clips")
    ),
)
"""Sources that decide what the maps are; where one of them differs, maps are drawn again."""

PORTION: Final = 20
"""Clips of one class that are kept together; a stop loses those of one portion."""


@dataclass(frozen=True)
class LabelledMaps:
    """Maps of many clips and the place of each one's motion in `CLASSES`."""

    maps: Float[Tensor, "n c m h w"]
    labels: Int[Tensor, "n"]


def labelled_clips(
    stream: Stream, portions: int, work: Path, progress: Progress, *, worn: bool = False
) -> LabelledMaps:
    """Some portions of clips of each class.

    Args:
        stream: what they are for.
        portions: of `PORTION` clips for each class.
        work: folder in which each portion is kept when it is complete.
        progress: told about every clip.
        worn: whether half of the clips are degraded, both with one thing in the picture and with two.
    """
    folder = work / f"maps-{source_digest(DRAWN_BY)}"
    folder.mkdir(parents=True, exist_ok=True)
    maps = []
    with progress.phase(f"clips for the classifier, {stream.name.lower()}", len(CLASSES) * portions * PORTION) as phase:
        for portion in range(portions):
            for motion in CLASSES:
                path = folder / f"{stream.name.lower()}-{motion}-{portion}.safetensors"
                if path.exists():
                    phase.advance(PORTION)
                else:
                    _keep(path, _drawn(motion, stream, portion, phase, worn=worn))
                maps.append(load_file(path)["maps"])
    return LabelledMaps(torch.cat(maps), torch.arange(len(CLASSES)).repeat_interleave(PORTION).repeat(portions))


def source_digest(patterns: Iterable[str]) -> str:
    """Twelve hex digits that say what the engine's files of these names hold."""
    running = hashlib.sha256()
    for pattern in patterns:
        for path in sorted(ENGINE.glob(pattern)):
            running.update(path.read_bytes())
    return running.hexdigest()[:12]


def _drawn(motion: str, stream: Stream, portion: int, phase: Phase, *, worn: bool) -> Float[Tensor, "n c m h w"]:
    maps = []
    for index in range(portion * PORTION, (portion + 1) * PORTION):
        frames = real_clip(motion, stream, index).frames
        if worn and index % 4 in {1, 2}:
            frames = degraded(frames, Draws(mixed_seed("worn", motion, stream, index)))
        maps.append(features_of(motion_of(frames)))
        phase.advance()
    return torch.stack(maps)


def _keep(path: Path, maps: Tensor) -> None:
    fresh = path.with_suffix(".new")
    save_file({"maps": maps.half()}, fresh)
    fresh.replace(path)
