"""GIF, WebP, animated PNG and folders of PNG frames, through Pillow."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from PIL import Image, PngImagePlugin

from engine.video.container_tag import COMMENT, EXIF_DESCRIPTION, FRAME_RATE
from registry_schema.errors import UsageProblem

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

FRAME_NAME = "frame-{:04d}.png"
# Viewers show GIF frames of less than 2/100 s at 1/10 s.
FASTEST_GIF = 50
GIF_TICKS = 100
MILLISECONDS = 1000
PALETTE_SAMPLE = 160


def durations(count: int, *, fps: float, ticks: int) -> list[int]:
    """How many ticks (of `ticks` a second) each of `count` frames stays, so that the sum is right: 12, 13, 12, 13."""
    ends = [int(place * ticks / fps + 1e-9) for place in range(count + 1)]
    return [end - start for start, end in pairwise(ends)]


def write_gif(frames: NDArray[np.uint8], path: Path, *, fps: float, comment: str | None) -> None:
    """A GIF that repeats for ever, a palette of its own for each frame.

    Raises:
        UsageProblem: more than 50 frames a second.
    """
    if fps > FASTEST_GIF:
        raise UsageProblem(f"GIF shows at most {FASTEST_GIF} frames a second, `{fps:g}` was asked for", hint="--fps 25")
    first, *others = [_with_palette(Image.fromarray(frame)) for frame in frames]
    first.save(
        path,
        format="GIF",
        save_all=True,
        append_images=others,
        duration=[ticks * MILLISECONDS // GIF_TICKS for ticks in durations(len(frames), fps=fps, ticks=GIF_TICKS)],
        loop=0,
        comment=(comment or "").encode(),
    )


def write_webp(frames: NDArray[np.uint8], path: Path, *, fps: float, comment: str | None) -> None:
    """An animated WebP that repeats for ever."""
    exif = Image.Exif()
    if comment is not None:
        exif[EXIF_DESCRIPTION] = comment.encode()
    first, *others = [Image.fromarray(frame) for frame in frames]
    first.save(
        path,
        format="WEBP",
        save_all=True,
        append_images=others,
        duration=durations(len(frames), fps=fps, ticks=MILLISECONDS),
        loop=0,
        quality=90,
        method=4,
        exif=exif,
    )


def write_apng(frames: NDArray[np.uint8], path: Path, *, fps: float, comment: str | None) -> None:
    """An animated PNG that repeats for ever; every frame is kept bit for bit.

    Frames that are alike stay apart: Pillow would join them, and give up the animation when one is left. It joins
    only frames that are blended alike, and on opaque frames the two ways to blend show the same.
    """
    first, *others = [Image.fromarray(frame) for frame in frames]
    first.save(
        path,
        format="PNG",
        save_all=True,
        append_images=others,
        duration=durations(len(frames), fps=fps, ticks=MILLISECONDS),
        loop=0,
        blend=[place % 2 for place in range(len(frames))],
        pnginfo=_text_chunks(fps=fps, comment=comment),
    )


def write_frames(frames: NDArray[np.uint8], folder: Path, *, fps: float, comment: str | None) -> None:
    """PNG files in an existing empty folder, bit for bit; the first one carries the comment and the frame rate."""
    for place, frame in enumerate(frames):
        chunks = _text_chunks(fps=fps, comment=comment) if place == 0 else None
        Image.fromarray(frame).save(folder / FRAME_NAME.format(place), format="PNG", pnginfo=chunks)


def _with_palette(image: Image.Image) -> Image.Image:
    """256 colours chosen for this frame; without dithering, so that still ground does not shimmer.

    Every eighth pixel of a large frame is enough to choose by (6 times faster, mean error 3.3 instead of 3.2 levels).
    """
    sample = image.copy()
    sample.thumbnail((PALETTE_SAMPLE, PALETTE_SAMPLE), Image.Resampling.NEAREST)
    palette = sample.quantize(256, method=Image.Quantize.MEDIANCUT, kmeans=1)
    return image.quantize(palette=palette, dither=Image.Dither.NONE)


def _text_chunks(*, fps: float, comment: str | None) -> PngImagePlugin.PngInfo:
    chunks = PngImagePlugin.PngInfo()
    chunks.add_itxt(FRAME_RATE, repr(fps))
    if comment is not None:
        chunks.add_itxt(COMMENT, comment, zip=True)
    return chunks
