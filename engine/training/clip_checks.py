"""What is wrong with a clip, or seems to be: each check gives its findings, and `clip_findings` runs them all."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import numpy as np

from engine.clip_findings import Finding
from engine.training.windows import crop_to
from engine.video.bars import picture_area
from engine.video.overlay import overlay
from engine.video.picture_decoder import FOLDER_RATE, RATE_FILE, folder_pictures, stated_rate
from engine.video.stillness import moving_share

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from engine.training.windows import ClipFacts
    from engine.video.clip_reader import Clip
    from engine.video.framing import Box
    from registry_schema.clip_shape import ClipShape

# A picture of which less moves is still: two of 2560 cells; a narrow waterfall of the scene generator has as few.
STILL_SHARE = 0.0006
# Frames that stay so many times longer or shorter than most, and how many of them make a rate uneven.
UNEVEN, UNEVEN_SHARE = 1.5, 0.05
# A frame repeats the one before where it differs by at most so many levels anywhere, and far less than most frames do.
REPEATS, REPEATS_SHARE, REPEATED_SHARE = 12, 0.2, 0.25
# Of the picture; a portrait film in a landscape base gives less than half.
USED_SHARE = 0.6


def clip_findings(
    path: Path, clip: Clip, glance: NDArray[np.uint8], facts: ClipFacts, shape: ClipShape
) -> Iterator[Finding]:
    """All that a look at one decoded clip tells; whether it has windows is for `windows_of` to say.

    Args:
        path: of the clip.
        clip: all of its frames.
        glance: the same frames, small.
        facts: of the clip.
        shape: of the base.
    """
    yield from _still(glance)
    yield from _rate(path, facts, glance)
    yield from _cut(path, facts)
    yield from _bars(path, clip)
    yield from _mark(clip, facts)
    yield from _orientation(facts, shape)
    yield from _size(facts, shape)


def _still(glance: NDArray[np.uint8]) -> Iterator[Finding]:
    if moving_share(glance) < STILL_SHARE:
        yield Finding("static", True, "nothing moves in it", "use a clip that shows the motion, unless it shall rest")


def _rate(path: Path, facts: ClipFacts, glance: NDArray[np.uint8]) -> Iterator[Finding]:
    if path.is_dir() and stated_rate(path) is None:
        yield Finding(
            "frame-rate",
            True,
            f"no frame rate is stated, {FOLDER_RATE:g} frames per second are taken",
            f"state it: `echo 'fps = 24' > {shlex.quote(str(path / RATE_FILE))}`",
        )
    stays = np.diff(np.array(facts.times))
    usual = float(np.median(stays)) if len(stays) else 0.0
    if not usual:
        return
    off = (stays > usual * UNEVEN) | (stays < usual / UNEVEN)
    repeated = _repeated(glance)
    even = f"or make it even: `{_ffmpeg(path)} -vf fps=24 even.mp4`"
    if off.mean() > UNEVEN_SHARE:
        reason = f"its frames stay between {stays.min():.3g} and {stays.max():.3g} s: a variable frame rate"
        yield Finding("frame-rate", True, reason, f"its own times are followed, so its speed is kept; {even}")
    elif repeated > REPEATED_SHARE * len(stays):
        shown = (1 - repeated / len(facts.times)) / facts.frame_seconds
        reason = f"{repeated} of {len(facts.times)} frames repeat the one before: it shows about {shown:.3g} a second"
        yield Finding("frame-rate", True, reason, "use the film as it was shot, without repeated frames")


def _repeated(glance: NDArray[np.uint8]) -> int:
    """How many frames show what the one before shows; 0 in a still picture, where that says nothing."""
    if moving_share(glance) < STILL_SHARE:
        return 0
    change = np.abs(np.diff(glance.astype(np.int16), axis=0)).reshape(len(glance) - 1, -1)
    mean = change.mean(axis=1)
    return int(((change.max(axis=1) <= REPEATS) & (mean <= REPEATS_SHARE * np.percentile(mean, 75))).sum())


def _cut(path: Path, facts: ClipFacts) -> Iterator[Finding]:
    if facts.cuts:
        moments = [f"{facts.times[frame]:.2f}" for frame in facts.cuts]
        yield Finding(
            "scene-cut",
            True,
            f"it changes to another scene at {', '.join(moments)} s; examples are taken between cuts",
            f"keep one scene: `{_ffmpeg(path)} -t {moments[0]} scene.mp4`",
        )


def _bars(path: Path, clip: Clip) -> Iterator[Finding]:
    height, width = clip.frames.shape[1:3]
    box = picture_area(clip.frames)
    sides = [
        name
        for name, there in (("above and below", box.height < height), ("left and right", box.width < width))
        if there
    ]
    if sides:
        share = 1 - box.width * box.height / (width * height)
        kept = f"iw*{box.width / width:.4g}:ih*{box.height / height:.4g}:iw*{box.left / width:.4g}"
        yield Finding(
            "letterbox",
            True,
            f"bars {' and '.join(sides)} take {share:.0%} of it",
            f"cut them off: `{_ffmpeg(path)} -vf 'crop={kept}:ih*{box.top / height:.4g}' cropped.mp4`",
        )


def _mark(clip: Clip, facts: ClipFacts) -> Iterator[Finding]:
    # a mark outlives a cut, and what changes at a cut is no motion
    found = overlay(clip.frames[: facts.cuts[0]] if facts.cuts else clip.frames)
    if found is not None:
        yield Finding(
            "watermark",
            True,
            f"something stands still {_where(found)} while the picture moves: a watermark, a logo or a caption?",
            "use clips without it, or crop it away: what stands in the clips is learned with the motion",
        )


def _orientation(facts: ClipFacts, shape: ClipShape) -> Iterator[Finding]:
    crop = crop_to(facts, shape, 0.5)
    used = crop.width * crop.height / (facts.width * facts.height)
    upright = facts.height > facts.width
    if upright != (shape.height > shape.width) and used < USED_SHARE:
        stands, base = ("upright", "wider than high") if upright else ("wider than high", "upright")
        yield Finding(
            "orientation",
            True,
            f"it is {stands}, the base's frames are {base}: only {used:.0%} of its picture is seen",
            f"use clips that are {base}, or `--set clips.crop=smart` to follow the motion",
        )


def _size(facts: ClipFacts, shape: ClipShape) -> Iterator[Finding]:
    crop = crop_to(facts, shape, 0.5)
    if crop.width < shape.width:
        reason = (
            f"it has {facts.width}x{facts.height} pixels, the base {shape.width}x{shape.height}: "
            f"it is enlarged {shape.width / crop.width:.1f} times"
        )
        yield Finding("small", True, reason, "use a larger original: what is enlarged is blurred")


def _where(box: Box) -> str:
    """The place of a box that is given in shares of the picture, in words."""
    across = ("left", "", "right")[min(2, int((box.left + box.width / 2) * 3))]
    down = ("top", "", "bottom")[min(2, int((box.top + box.height / 2) * 3))]
    return f"at the {' '.join(word for word in (down, across) if word)}" if across or down else "in the middle"


def _ffmpeg(path: Path) -> str:
    """How a command that reads the clip begins."""
    if path.is_dir():
        suffix = folder_pictures(path)[0].suffix
        return f"ffmpeg -framerate 24 -pattern_type glob -i {shlex.quote(f'{path}/*{suffix}')}"
    return f"ffmpeg -i {shlex.quote(str(path))}"
