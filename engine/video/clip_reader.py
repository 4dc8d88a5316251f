"""A clip from any file or folder a person may have: upright frames in sRGB, each with its own time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.video.existing import existing
from engine.video.picture_decoder import folder_frames, folder_pictures, picture_frames
from engine.video.stream_decoder import stream_frames
from engine.video.timed_frame import ClipDamage
from registry_schema.errors import IntegrityProblem, ResourceProblem, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from engine.video.timed_frame import TimedFrame

STREAM_SUFFIXES = frozenset((".mp4", ".mov", ".m4v", ".webm", ".mkv", ".avi"))
PICTURE_SUFFIXES = frozenset((".gif", ".webp", ".png", ".apng"))
CLIP_SUFFIXES = STREAM_SUFFIXES | PICTURE_SUFFIXES
MAX_BYTES = 2 << 30


@dataclass(frozen=True, eq=False)
class Clip:
    """Frames and when each of them starts.

    Attributes:
        frames: `f h w 3` uint8 sRGB, upright.
        times: `f` float64 seconds, rising, from 0.
        seconds: when the last frame ends.
    """

    frames: NDArray[np.uint8]
    times: NDArray[np.float64]
    seconds: float

    @property
    def fps(self) -> float:
        """Frames per second, on average."""
        return len(self.frames) / self.seconds

    def sampled(self, fps: float) -> NDArray[np.uint8]:
        """The frames `f h w 3` that a viewer sees at 0, 1/fps, 2/fps, ... seconds; at least one."""
        moments = np.arange(max(1, int(self.seconds * fps + 1e-6))) / fps
        shown = np.searchsorted(self.times, moments + 1e-6, side="right") - 1
        return self.frames[shown]


def read_clip(path: Path, *, max_bytes: int = MAX_BYTES, long_side: int | None = None) -> Clip:
    """All frames of a video (MP4, MOV, WebM, MKV, AVI), an animated GIF, WebP or PNG, or a folder of pictures.

    Args:
        path: the file, or a folder whose pictures are taken in the order of their names.
        max_bytes: the most memory that decoded frames may take.
        long_side: frames are shrunk to this many pixels while they are read.

    Raises:
        NotFound: nothing is there.
        UsageProblem: not a clip, by its suffix.
        IntegrityProblem: empty, truncated or damaged.
        ResourceProblem: the frames need more than `max_bytes`.
    """
    frames: list[NDArray[np.uint8]] = []
    times: list[float] = []
    end, used = 0.0, 0
    try:
        for timed in _source(path, long_side=long_side):
            used += timed.pixels.nbytes
            _check_memory(used, path, max_bytes=max_bytes)
            _check_shape(timed, frames, path)
            frames.append(timed.pixels)
            times.append(timed.seconds)
            end = max(end, timed.seconds + timed.stays)
    except ClipDamage as error:
        raise IntegrityProblem(
            f"clip `{path.name}` is damaged after {len(frames)} frames: {error}", hint="copy it again, or leave it out"
        ) from error
    if not frames:
        raise IntegrityProblem(f"clip `{path.name}` has no frames", hint="copy it again, or leave it out")
    return _in_order(frames, times, end=end)


def is_clip(path: Path) -> bool:
    """Whether something looks like a clip: by its suffix, or as a folder with pictures in it."""
    return bool(folder_pictures(path)) if path.is_dir() else path.suffix.lower() in CLIP_SUFFIXES


def _source(path: Path, *, long_side: int | None) -> Iterator[TimedFrame]:
    existing(path, what="clip")
    suffix = path.suffix.lower()
    if path.is_dir():
        return folder_frames(path, long_side=long_side)
    if suffix in STREAM_SUFFIXES:
        return stream_frames(path, long_side=long_side)
    if suffix in PICTURE_SUFFIXES:
        return picture_frames(path, long_side=long_side)
    raise UsageProblem(
        f"`{path.name}` is no clip, expected {', '.join(sorted(CLIP_SUFFIXES))} or a folder of pictures",
        hint=f"convert it: `ffmpeg -i {path.name} clip.mp4`",
    )


def _check_memory(used: int, path: Path, *, max_bytes: int) -> None:
    if used > max_bytes:
        raise ResourceProblem(
            f"clip `{path.name}` needs more than {max_bytes / 2**30:.1f} GiB decoded, which is the limit",
            hint=f"cut it to a few seconds: `ffmpeg -i {path.name} -t 4 -vf scale=960:-2 short.mp4`",
        )


def _check_shape(timed: TimedFrame, frames: list[NDArray[np.uint8]], path: Path) -> None:
    if frames and timed.pixels.shape != frames[0].shape:
        sizes = [f"{pixels.shape[1]}x{pixels.shape[0]}" for pixels in (timed.pixels, frames[0])]
        raise IntegrityProblem(
            f"clip `{path.name}`: frame {len(frames)} has {sizes[0]} pixels, the first one has {sizes[1]}",
            hint="give all frames one size",
        )


def _in_order(frames: list[NDArray[np.uint8]], times: list[float], *, end: float) -> Clip:
    """The clip with its times rising from 0, whatever the order and the start in the file."""
    seconds = np.array(times, dtype=np.float64)
    order = np.argsort(seconds, kind="stable")
    start = float(seconds.min())
    return Clip(np.stack([frames[place] for place in order]), seconds[order] - start, end - start)
