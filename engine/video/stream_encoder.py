"""MP4 and WebM files, through PyAV."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

import av

from engine.video.bt709 import evened, yuv420
from registry_schema.errors import UsageProblem

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

# ISO/IEC 23091-2: 1 is BT.709 for primaries, transfer and matrix; range 1 is limited ("MPEG").
BT709, LIMITED_RANGE = 1, 1
FINEST_RATE = 1001


@dataclass(frozen=True)
class StreamFormat:
    """A container, its encoder and their settings."""

    container: str
    codec: str
    codec_options: dict[str, str]
    container_options: dict[str, str] = field(default_factory=dict)


STREAM_FORMATS = {
    # Without mbtree x264 gives the same bytes for the same frames; with it, busy pictures came out in several ways.
    ".mp4": StreamFormat(
        "mp4",
        "libx264",
        {"crf": "16", "preset": "medium", "x264-params": "mbtree=0"},
        {"movflags": "+faststart"},
    ),
    ".webm": StreamFormat(
        "webm", "libvpx-vp9", {"crf": "20", "b:v": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1"}
    ),
}


def write_stream(
    frames: NDArray[np.uint8], path: Path, *, stream_format: StreamFormat, fps: float, comment: str | None
) -> None:
    """Encode frames `f h w 3` into a new file; odd sides are padded to even by `evened`.

    Raises:
        UsageProblem: this installation of PyAV has no such encoder.
        OSError: the file can not be written.
    """
    _check_codec(stream_format)
    height, width = evened(frames[0]).shape[:2]
    with av.open(
        str(path), "w", format=stream_format.container, container_options=stream_format.container_options
    ) as output:
        if comment is not None:
            output.metadata["comment"] = comment
        rate = Fraction(fps).limit_denominator(FINEST_RATE)
        stream = output.add_stream(stream_format.codec, rate=rate, options=stream_format.codec_options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        _tag_colours(stream.codec_context)
        for place, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(yuv420(evened(pixels)), format="yuv420p")
            _tag_colours(frame)
            frame.pts, frame.time_base = place, 1 / rate
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def _tag_colours(target: av.VideoFrame | av.VideoCodecContext) -> None:
    target.color_primaries = BT709
    target.color_trc = BT709
    target.colorspace = BT709
    target.color_range = LIMITED_RANGE


def _check_codec(stream_format: StreamFormat) -> None:
    try:
        av.Codec(stream_format.codec, "w")
    except ValueError as error:
        raise UsageProblem(
            f"this PyAV has no encoder `{stream_format.codec}`, which .{stream_format.container} needs",
            hint="write `.gif`, `.webp`, `.png` or a folder, or reinstall it: `pip install --force-reinstall av`",
        ) from error
