"""Frames of video files, through PyAV: upright, square pixels, BT.709 or BT.601 to sRGB."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av
import numpy as np

from engine.video.timed_frame import ClipDamage, TimedFrame, shrunk_size

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

# swscale's numbers for a matrix (libswscale/swscale.h) and the file's (ISO/IEC 23091-2, where 2 is "not said").
SWSCALE_BT709, SWSCALE_BT601 = 1, 5
NOT_SAID = 2
# Untagged video is BT.709 from this height on, as players take it.
HIGH_DEFINITION = 720
FULL_RANGE = 2
UNSTATED_RATE = 25


def stream_frames(path: Path, *, long_side: int | None) -> Iterator[TimedFrame]:
    """The frames of the first video stream in the order of their times.

    Raises:
        ClipDamage: not a video, no video stream, or broken bytes.
    """
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise ClipDamage("there is no picture in it, only sound or text")
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            stays = 1 / float(stream.average_rate or UNSTATED_RATE)
            end = 0.0
            for packet in container.demux(stream):
                _check_packet(packet)
                for frame in packet.decode():
                    timed = _timed(frame, stream, stays=stays, long_side=long_side)
                    end = max(end, timed.seconds + stays)
                    yield timed
            _check_end(container, end=end, stays=stays)
    except (av.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ClipDamage(reason) from error


def _check_packet(packet: av.Packet) -> None:
    if packet.is_corrupt:
        raise ClipDamage("the file ends in the middle of a frame")


def _check_end(container: av.container.InputContainer, *, end: float, stays: float) -> None:
    """A Matroska file that was cut off between two frames decodes well; only its stated length tells.

    Other streams may rightly be longer than the picture, so the length is believed when there are none.
    """
    stated = (container.duration or 0) / av.time_base
    if len(container.streams) == 1 and end + 1.5 * stays < stated:
        raise ClipDamage(f"it states {stated:.2f} seconds and holds {end:.2f}")


def _timed(frame: av.VideoFrame, stream: av.VideoStream, *, stays: float, long_side: int | None) -> TimedFrame:
    if frame.is_corrupt:
        raise ClipDamage("a frame can not be decoded")
    if frame.time is None:
        raise ClipDamage("a frame has no time")
    pixels = _pixels(frame, aspect=float(stream.sample_aspect_ratio or 1) or 1.0, long_side=long_side)
    if frame.duration and frame.time_base:  # in a film of a variable rate the last frame may stay long
        stays = float(frame.duration * frame.time_base)
    return TimedFrame(np.ascontiguousarray(np.rot90(pixels, frame.rotation // 90)), float(frame.time), stays)


def _pixels(frame: av.VideoFrame, *, aspect: float, long_side: int | None) -> NDArray[np.uint8]:
    """The frame as `h w 3`, stretched to square pixels where its own are not, and shrunk where that is asked for."""
    width, height = shrunk_size(max(1, round(frame.width * aspect)), frame.height, long_side)
    known = frame.colorspace != NOT_SAID or frame.format.is_rgb
    matrix = None if known else SWSCALE_BT709 if frame.height >= HIGH_DEFINITION else SWSCALE_BT601
    rgb = frame.reformat(
        width=width,
        height=height,
        format="rgb24",
        src_colorspace=matrix,
        dst_color_range=FULL_RANGE,
        interpolation="AREA" if width < frame.width else "BICUBIC",
    )
    return rgb.to_ndarray()
