"""One clip into one file, by its suffix: MP4, WebM, GIF, WebP, animated PNG, or a folder of PNG frames."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from engine.video.container_tag import read_receipt
from engine.video.picture_encoder import write_apng, write_frames, write_gif, write_webp
from engine.video.stream_encoder import STREAM_FORMATS, write_stream
from engine.video.whole_output import whole_file, whole_folder
from registry_schema.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from numpy.typing import NDArray

Loop: TypeAlias = Literal["none", "pingpong"]
PICTURE_WRITERS = {".gif": write_gif, ".webp": write_webp, ".png": write_apng, ".apng": write_apng}
SUFFIXES = (*STREAM_FORMATS, *PICTURE_WRITERS)
WRITABLE = f"{', '.join(SUFFIXES)} or a folder name without a suffix"
FASTEST = 240


@dataclass(frozen=True)
class WrittenClip:
    """What was written.

    Attributes:
        path: where it is.
        width: of the frames in the file, in pixels.
        height: likewise.
        frame_count: with the way back of `pingpong`.
        seconds: how long it plays once.
        receipt_kept: the receipt was read back as it was given; true when there was none to keep.
        notes: what differs from what was asked, for a person.
    """

    path: Path
    width: int
    height: int
    frame_count: int
    seconds: float
    receipt_kept: bool
    notes: tuple[str, ...]


def check_output(path: Path) -> None:
    """Raise UsageProblem unless the suffix of `path` is one that can be written: to be asked before hours of work."""
    if path.suffix and path.suffix.lower() not in SUFFIXES:
        raise UsageProblem(
            f"`{path.name}` ends in `{path.suffix}`, which is no clip format", hint=f"what works: {WRITABLE}"
        )


def write_clip(
    frames: NDArray[np.uint8],
    path: Path,
    *,
    fps: float,
    loop: Loop = "none",
    receipt_text: str | None = None,
) -> WrittenClip:
    """Write frames `f h w 3` uint8 sRGB; the file appears whole or not at all.

    Args:
        frames: at least one.
        path: its suffix picks the format; missing parent folders are made.
        fps: frames per second, above 0 and at most 240 (GIF: 50).
        loop: `pingpong` plays back to the start, without showing the two ends twice.
        receipt_text: kept inside the file and read back.

    Raises:
        UsageProblem: an unknown suffix, a rate out of range, or a place that can not be written.
        ResourceProblem: the disk is full.
    """
    check_output(path)
    if not 0 < fps <= FASTEST:
        raise UsageProblem(f"`{fps:g}` frames a second, expected more than 0 and at most {FASTEST}", hint="--fps 8")
    shown = looped(frames, loop)
    with _place(path) as temporary:
        _writer(path)(shown, temporary, fps=fps, comment=receipt_text)
        kept = receipt_text is None or read_receipt(temporary) == receipt_text
    return _summary(shown, path, fps=fps, receipt_kept=kept)


def looped(frames: NDArray[np.uint8], loop: Loop) -> NDArray[np.uint8]:
    """The frames in playing order: as they are, or there and back so that the end meets the start."""
    return frames if loop == "none" else np.concatenate([frames, frames[-2:0:-1]])


def _place(path: Path) -> AbstractContextManager[Path]:
    return whole_file(path) if path.suffix else whole_folder(path, ours="frame-*.png")


def _writer(path: Path) -> Callable[..., None]:
    suffix = path.suffix.lower()
    if not suffix:
        return write_frames
    if suffix in STREAM_FORMATS:
        return partial(write_stream, stream_format=STREAM_FORMATS[suffix])
    return PICTURE_WRITERS[suffix]


def _summary(shown: NDArray[np.uint8], path: Path, *, fps: float, receipt_kept: bool) -> WrittenClip:
    count, height, width, _ = shown.shape
    notes = [] if receipt_kept else [f"the receipt inside `{path.name}` can not be read back; keep the one beside it"]
    if path.suffix.lower() == ".webp" and count > 1 and bool((shown == shown[0]).all()):
        notes.append("nothing moves, so the WebP is a still picture")
    if path.suffix.lower() in STREAM_FORMATS and (height % 2 or width % 2):
        even = f"{width + width % 2}x{height + height % 2}"
        notes.append(f"{width}x{height} was padded to {even}: video needs even sides")
        width, height = width + width % 2, height + height % 2
    return WrittenClip(path, width, height, count, count / fps, receipt_kept, tuple(notes))
