"""A base-size clip at the photo's size: the photo's own detail, carried along the motion of the clip.

The base sees a photo as a small frame and gives a clip of small frames. What it lost of frame 0 is still in the photo:
for each frame, optical flow says where every pixel came from, and the photo is fetched from there. The small frames add
what changed on the way (light, new content), and stand alone where the flow is unsure. Where nothing moved but the
base's grain, the photo itself shows, so that still ground stays still. A base that codes motion knows better than any
estimate where its pixels came from; its word is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.video.framed_picture import to_output
from engine.video.optical_flow import disagreement, enlarged, flow, resized_flow, softened, warped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from engine.video.framing import Box, Framing

# All levels are of 255; all distances are pixels of the base's frames.
NEIGHBOURHOOD = 2.0
GRAIN_FLOOR, GRAIN_CEILING = 0.5, 6.0
# The stillest fifth of a clip, after its motion is undone, holds grain and nothing else.
GRAIN_PERCENTILE = 20
# Zero flow is right while it explains a frame as well as the found flow, up to this many grain variances.
STILL_UNTIL, MOVING_FROM = 0.5, 1.5
# A change is shown from where it stands out of the grain (in grain deviations); a broad one, such as a change of
# light, sooner: over its breadth grain averages out.
BREADTH = 4.0
FINE_FROM, FINE_FULL = 1.5, 3.0
BROAD_FROM, BROAD_FULL = 0.75, 1.5
# A flow whose frame differs by this much does not describe the frame.
DOUBT_FROM, DOUBT_FULL = 12.0, 32.0


@dataclass(frozen=True, eq=False)
class BaseClip:
    """What a base made, at its own size.

    Attributes:
        frames: `f h w 3` uint8.
        origins: displacements `f h w 2` in pixels (right, down) from each pixel to where its content lies in frame 0;
            None where the base does not know.
    """

    frames: NDArray[np.uint8]
    origins: NDArray[np.float32] | None = None

    def part(self, box: Box) -> BaseClip:
        """The part of every frame in `box`."""
        rows, columns = box.rows_and_columns
        origins = None if self.origins is None else self.origins[:, rows, columns]
        return BaseClip(self.frames[:, rows, columns], origins)


@dataclass(frozen=True, eq=False)
class Motion:
    """What one frame shares with frame 0, at base size.

    Attributes:
        origin: flow `h w 2` to the place in frame 0 where each pixel came from; zero where nothing moved.
        trust: `h w` in [0, 1], how sure that is.
        change: `h w 3`, what the frame adds to frame 0 fetched through `origin`; grain taken out.
    """

    origin: NDArray[np.float32]
    trust: NDArray[np.float32]
    change: NDArray[np.float32]


def enlarge_clip(base_clip: BaseClip, picture: NDArray[np.uint8], framing: Framing) -> NDArray[np.uint8]:
    """The base's clip as the finished clip `f h w 3` at output size.

    Frame 0 is `picture` bit for bit; outside the framing's window every frame is.

    Args:
        base_clip: decoded by the base, frame 0 first, at the framing's base size.
        picture: the still photo at output size (`to_picture`).
        framing: the plan that cut both.
    """
    still = picture[framing.window.rows_and_columns]
    return to_output(carry_detail(base_clip.part(framing.base_window), still), picture, framing)


def carry_detail(base_clip: BaseClip, still: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A base's clip at the size of `still` `h w 3`, which becomes frame 0 bit for bit; `f h w 3`.

    A clip whose frames are all alike gives `still` in every frame.
    """
    height, width = still.shape[:2]
    frames = base_clip.frames
    found = motions(frames) if base_clip.origins is None else known_motions(frames, base_clip.origins)
    clip = np.empty((len(frames), height, width, 3), dtype=np.uint8)
    clip[0] = still
    for place, (frame, motion) in enumerate(zip(frames[1:], found, strict=True), start=1):
        clip[place] = _with_detail(frame, still, motion)
    return clip


def motions(base_frames: NDArray[np.uint8]) -> Iterator[Motion]:
    """The motion of frames 1, 2, ... of `f h w 3` against frame 0."""
    origins, doubts = _origins(base_frames)
    first = base_frames[0].astype(np.float32)
    grain = _grain(base_frames, origins)
    for frame, origin, doubt in zip(base_frames[1:], origins, doubts, strict=True):
        yield _motion(frame.astype(np.float32), first, origin=origin, doubt=doubt, grain=grain)


def known_motions(base_frames: NDArray[np.uint8], origins: NDArray[np.float32]) -> Iterator[Motion]:
    """The motion of frames 1, 2, ... of `f h w 3`, where the base says where its pixels came from."""
    first = base_frames[0].astype(np.float32)
    sure = np.ones(base_frames.shape[1:3], dtype=np.float32)
    for frame, origin in zip(base_frames[1:], origins[1:], strict=True):
        yield Motion(origin=origin, trust=sure, change=frame - warped(first, origin))


def _origins(
    base_frames: NDArray[np.uint8],
) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
    """Flows to frame 0 and how far they disagree with the flows from it; each starts from its neighbour's.

    Always straight to frame 0: flows added up from frame to frame drift (measured: 5 dB lost over 16 frames).
    """
    origins: list[NDArray[np.float32]] = []
    doubts: list[NDArray[np.float32]] = []
    back = forth = None
    for frame in base_frames[1:]:
        back = flow(frame, base_frames[0], guess=back)
        forth = flow(base_frames[0], frame, guess=forth)
        origins.append(back)
        doubts.append(disagreement(back, forth))
    return origins, doubts


def _grain(base_frames: NDArray[np.uint8], origins: list[NDArray[np.float32]]) -> float:
    """The deviation of the fine noise that comes and goes from frame to frame."""
    first = base_frames[0].astype(np.float32)
    differences = (frame - warped(first, by) for frame, by in zip(base_frames[1:], origins, strict=True))
    errors = [_error(difference - softened(difference, BREADTH)) for difference in differences]
    variance = float(np.percentile(errors, GRAIN_PERCENTILE)) if errors else 0.0
    return float(np.clip(np.sqrt(variance), GRAIN_FLOOR, GRAIN_CEILING))


def _motion(
    frame: NDArray[np.float32],
    first: NDArray[np.float32],
    *,
    origin: NDArray[np.float32],
    doubt: NDArray[np.float32],
    grain: float,
) -> Motion:
    gain = _error(frame - first) - _error(frame - warped(first, origin))
    still = 1 - _rise(gain / grain**2, STILL_UNTIL, MOVING_FROM)
    origin = origin * (1 - still)[..., None]
    difference = frame - warped(first, origin)
    deviation = np.sqrt(_error(difference))
    agreement = np.exp(-(doubt**2)) * (1 - still) + still
    trust = agreement * (1 - _rise(deviation, DOUBT_FROM, DOUBT_FULL))
    change = _without_grain(difference, grain)
    return Motion(origin=origin, trust=softened(trust, NEIGHBOURHOOD / 2), change=change)


def _without_grain(difference: NDArray[np.float32], grain: float) -> NDArray[np.float32]:
    """What of a difference `h w 3` is more than grain, judged apart for its broad and its fine part."""
    broad = softened(difference, BREADTH)
    fine = difference - broad
    broad_share = _rise(np.sqrt(_error(broad)) / grain, BROAD_FROM, BROAD_FULL)
    fine_share = _rise(np.sqrt(_error(fine)) / grain, FINE_FROM, FINE_FULL)
    return broad * broad_share[..., None] + fine * fine_share[..., None]


def _with_detail(frame: NDArray[np.uint8], still: NDArray[np.uint8], motion: Motion) -> NDArray[np.uint8]:
    """One frame at the size of `still`: the photo fetched along the motion, or the frame itself where in doubt."""
    size = (still.shape[1], still.shape[0])
    trust = motion.trust[..., None]
    own = trust * motion.change + (1 - trust) * frame
    moved = warped(still, resized_flow(motion.origin, size)).astype(np.float32)
    moved *= enlarged(motion.trust, size)[..., None]
    moved += enlarged(own, size)
    return np.rint(moved, out=moved).clip(0, 255).astype(np.uint8)


def _error(difference: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean square of a difference `h w 3` around each pixel, `h w`."""
    return np.maximum(softened(np.square(difference).mean(axis=-1), NEIGHBOURHOOD), 0)


def _rise(value: NDArray[np.floating], start: float, end: float) -> NDArray[np.float32]:
    """0 up to `start`, 1 from `end`, smooth between."""
    share = np.clip((value - start) / (end - start), 0, 1)
    return (share * share * (3 - 2 * share)).astype(np.float32)
