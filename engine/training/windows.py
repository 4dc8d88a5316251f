"""Which frames and which part of the picture make a training example; pure arithmetic."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from engine.training.draws import numbers_for
from engine.video.framing import Box

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.clip_findings import FindingKind
    from engine.recipe import ClipChoice
    from registry_schema.clip_shape import ClipShape

# below this share of the base's frame rate a window would hold too many doubled frames to teach a motion
LOWEST_RATE = 0.6


class WindowProblem(Exception):
    """A clip has no window, for `kind` of reason; `hint` says what would help."""

    def __init__(self, reason: str, hint: str, *, kind: FindingKind = "too-short") -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint
        self.kind = kind


@dataclass(frozen=True)
class Window:
    """One stretch of a clip: which of its frames, and which part of them."""

    frames: tuple[int, ...]
    crop: Box

    def seconds(self, clip: ClipFacts) -> float:
        """How much of the clip passes from its first to its last frame."""
        return clip.times[self.frames[-1]] - clip.times[self.frames[0]]


@dataclass(frozen=True)
class ClipFacts:
    """What is known of a decoded clip.

    Attributes:
        digest: of its bytes.
        times: when each frame is shown, in seconds.
        height: in pixels.
        width: likewise.
        cuts: the frames that begin another scene.
        busiest: where a crop holds the most motion, in [0, 1] along the side that it shortens.
    """

    digest: str
    times: tuple[float, ...]
    height: int
    width: int
    cuts: tuple[int, ...] = ()
    busiest: float = 0.5

    @property
    def frame_seconds(self) -> float:
        """How long a frame is shown, on average."""
        return (self.times[-1] - self.times[0]) / (len(self.times) - 1) if len(self.times) > 1 else 0.0


def windows_of(clip: ClipFacts, shape: ClipShape, choice: ClipChoice, *, seed: int) -> tuple[Window, ...]:
    """The windows of a clip, earliest first; none reaches over a cut.

    Raises:
        WindowProblem: the clip or its scenes are too short, or it has too few frames in a second.
    """
    every = _at_own_speed(clip, shape) if choice.speed == "keep" else _at_stride(clip, shape, choice.stride)
    every = _between_cuts(every, clip)
    numbers = numbers_for(seed, "windows", clip.digest)
    if choice.sampling == "all":
        taken = every
    elif choice.sampling == "head":
        taken = every[:1]
    elif choice.sampling == "uniform" or len(every) <= choice.windows:
        taken = _spread(every, choice.windows)
    else:
        order = torch.randperm(len(every), generator=numbers)
        taken = [every[i] for i in sorted(order[: choice.windows].tolist())]
    if choice.crop == "random":
        places = torch.rand(len(taken), generator=numbers).tolist()
    else:
        places = [clip.busiest if choice.crop == "smart" else 0.5] * len(taken)
    return tuple(Window(frames, crop_to(clip, shape, place)) for frames, place in zip(taken, places, strict=True))


def crop_to(clip: ClipFacts, shape: ClipShape, place: float) -> Box:
    """The largest part with the aspect of `shape`; `place` in [0, 1] slides it along the longer side."""
    scale = min(clip.width / shape.width, clip.height / shape.height)
    width, height = shape.width * scale, shape.height * scale
    return Box((clip.width - width) * place, (clip.height - height) * place, width, height)


def _between_cuts(every: list[tuple[int, ...]], clip: ClipFacts) -> list[tuple[int, ...]]:
    whole = [frames for frames in every if not any(frames[0] < cut <= frames[-1] for cut in clip.cuts)]
    if not whole:
        moments = ", ".join(f"{clip.times[cut]:.2f}" for cut in clip.cuts)
        raise WindowProblem(
            f"it changes to another scene at {moments} s, and no scene is long enough",
            "use clips of one scene",
            kind="scene-cut",
        )
    return whole


def _spread(every: Sequence[tuple[int, ...]], count: int) -> list[tuple[int, ...]]:
    count = min(count, len(every))
    return [every[round(i * (len(every) - 1) / max(count - 1, 1))] for i in range(count)]


def _at_own_speed(clip: ClipFacts, shape: ClipShape) -> list[tuple[int, ...]]:
    """For each first frame: the frames shown nearest to 0, 1, 2, ... ticks of the base's clock after it."""
    span = (shape.frames - 1) / shape.fps
    if len(clip.times) < 2:
        raise WindowProblem("it has one frame only", "use a clip that moves")
    if not clip.frame_seconds:
        raise WindowProblem("all of its frames have one time", "convert it anew from its source", kind="frame-rate")
    rate = 1 / clip.frame_seconds
    if rate < shape.fps * LOWEST_RATE:
        raise WindowProblem(
            f"it has {rate:.3g} frames per second, expected about {shape.fps:g}",
            "use a smoother clip, or `--set clips.speed=stride` to change its speed",
            kind="frame-rate",
        )
    # half a frame of grace: the last frame is shown until its own end
    last_start = clip.times[-1] + clip.frame_seconds / 2 - span
    starts = [i for i, time in enumerate(clip.times) if time <= last_start]
    if not starts:
        seconds = clip.times[-1] - clip.times[0] + clip.frame_seconds
        raise WindowProblem(
            f"it lasts {seconds:.2f} s, expected at least {shape.frames / shape.fps:.2f} s",
            "use a longer clip, or `--set clips.speed=stride` to change its speed",
        )
    ticks = [k / shape.fps for k in range(shape.frames)]
    return [tuple(_nearest(clip.times, clip.times[i] + tick) for tick in ticks) for i in starts]


def _nearest(times: Sequence[float], wanted: float) -> int:
    after = bisect_left(times, wanted)
    if after == 0:
        return 0
    if after == len(times):
        return after - 1
    return after if times[after] - wanted < wanted - times[after - 1] else after - 1


def _at_stride(clip: ClipFacts, shape: ClipShape, stride: int) -> list[tuple[int, ...]]:
    """Every `stride`-th frame, fewer where the clip is short.

    Source: MIVA, training data; `stride` 4 there, reduced to floor((n - 1) / (frames - 1)).
    """
    count = len(clip.times)
    stride = min(stride, (count - 1) // (shape.frames - 1))
    if stride < 1:
        raise WindowProblem(f"it has {count} frames, expected at least {shape.frames}", "use a longer clip")
    span = stride * (shape.frames - 1)
    return [tuple(range(start, start + span + 1, stride)) for start in range(count - span)]
