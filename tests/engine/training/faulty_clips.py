"""A folder of clips with one fault each, written with PyAV as cameras and editors write them."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np
from PIL import Image, ImageDraw

from engine.video.clip_writer import write_clip
from tests.photographs import photograph

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

EXPECTED = {
    "china.mp4": ("good", ()),
    "flower.mkv": ("good", ()),
    "corrupt.mkv": ("unusable", ("corrupt",)),
    "duplicate.mp4": ("doubtful", ("duplicate",)),
    "frame-rate.mp4": ("doubtful", ("frame-rate",)),
    "letterbox.mp4": ("doubtful", ("letterbox",)),
    "near-duplicate.mov": ("doubtful", ("near-duplicate",)),
    "orientation.mp4": ("doubtful", ("orientation",)),
    "scene-cut.mp4": ("unusable", ("scene-cut",)),
    "slow.mp4": ("unusable", ("frame-rate",)),
    "small.webm": ("doubtful", ("small",)),
    "song.mp3": ("unusable", ("no-clip",)),
    "static.mp4": ("doubtful", ("static",)),
    "too-short.mp4": ("unusable", ("too-short",)),
    "watermark.mp4": ("doubtful", ("watermark",)),
}
"""What the doctor should say of each clip that `write_faulty_clips` makes: a verdict, and kinds of findings."""

WIDTH, HEIGHT, RATE = 256, 160, 24
TICK = Fraction(1, 1000)


def drift(name: str, count: int, *, width: int = WIDTH, height: int = HEIGHT, start: int = 0) -> NDArray[np.uint8]:
    """`count` frames f h w 3 of a window that moves over a photograph, two pixels a frame."""
    photo = Image.fromarray(photograph(name))
    tall = max(height + 20, round((width + 2 * count + start) * photo.height / photo.width) + 1)
    pixels = np.asarray(photo.resize((round(tall * photo.width / photo.height), tall), Image.Resampling.LANCZOS))
    top = (tall - height) // 2
    lefts = [start + 2 * index for index in range(count)]
    return np.stack([pixels[top : top + height, left : left + width] for left in lefts])


def write_film(path: Path, frames: NDArray[np.uint8], *, times: Sequence[float] | None = None, crf: int = 18) -> Path:
    """An H.264 film, at 24 frames a second unless each frame has its time."""
    moments = [index / RATE for index in range(len(frames))] if times is None else times
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=RATE, options={"crf": str(crf), "preset": "veryfast"})
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt, stream.time_base, stream.codec_context.time_base = "yuv420p", TICK, TICK
        for pixels, moment in zip(frames, moments, strict=True):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            frame.pts, frame.time_base = round(moment / TICK), TICK
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def barred(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Black bars above and below, an eighth of the height each."""
    shown = frames.copy()
    bar = frames.shape[1] // 8
    shown[:, :bar], shown[:, -bar:] = 0, 0
    return shown


def marked(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Half transparent letters at the bottom right."""
    shown = []
    for pixels in frames:
        picture = Image.fromarray(pixels).convert("RGBA")
        layer = Image.new("RGBA", picture.size)
        place = (picture.width - 92, picture.height - 30)
        ImageDraw.Draw(layer).text(place, "STOCK", fill=(255, 255, 255, 200), font_size=26)
        shown.append(np.asarray(Image.alpha_composite(picture, layer).convert("RGB")))
    return np.stack(shown)


def uneven(count: int) -> list[float]:
    """Times of a phone's film: it slows down in the dark, to a third of its rate."""
    stays = [1 / RATE if index % 16 < 8 else 3 / RATE for index in range(count)]
    return [sum(stays[:index]) for index in range(count)]


def write_faulty_clips(folder: Path) -> Path:
    """One clip with each fault, and two good ones; the name of a file is its fault."""
    folder.mkdir()
    write_film(folder / "china.mp4", drift("china", 50))
    write_film(folder / "flower.mkv", drift("flower", 50))
    write_film(folder / "too-short.mp4", drift("coffee", 30))
    whole = write_film(folder / "corrupt.mkv", drift("coffee", 50)).read_bytes()
    (folder / "corrupt.mkv").write_bytes(whole[: len(whole) * 2 // 3])
    (folder / "duplicate.mp4").write_bytes((folder / "china.mp4").read_bytes())
    write_film(folder / "near-duplicate.mov", drift("flower", 50)[:, 2:-2, 2:-2], crf=30)
    write_film(folder / "static.mp4", np.repeat(drift("rocket", 1), 50, axis=0))
    write_film(folder / "scene-cut.mp4", np.concatenate([drift("rocket", 25), drift("coffee", 25)]))
    write_film(folder / "letterbox.mp4", barred(drift("astronaut", 50)))
    write_film(folder / "watermark.mp4", marked(drift("coffee", 50, start=20)))
    write_film(folder / "frame-rate.mp4", drift("chelsea", 50), times=uneven(50))
    write_film(folder / "orientation.mp4", drift("rocket", 50, width=140, height=220))
    write_film(folder / "slow.mp4", drift("astronaut", 20), times=[index / 3 for index in range(20)])
    write_clip(drift("astronaut", 50, width=96, height=60), folder / "small.webm", fps=RATE)
    (folder / "song.mp3").write_bytes(b"ID3")
    return folder
