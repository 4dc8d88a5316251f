"""Clips that must not win: those that stand still, repeat their first frame, or show nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

if TYPE_CHECKING:
    from engine.metrics.sample import Sample

FlagName = Literal["static", "copy", "blank"]
LIVELIEST: Final = 99.0
"""Percentile of pixels that is looked at: what moves may be small."""
STILL_SPEED: Final = 2.0
"""Percent of the diagonal per second: real clips have 4 and more, compressed stills 1."""
COPY_LEVELS: Final = 12.0
"""Of 255, to frame 0: real clips have 37 and more, compressed stills 7."""
BLANK_LEVELS: Final = 2.0
"""Deviation within a frame below which it shows nothing; of a picture that itself shows more."""
BLANK_SHARE: Final = 0.2


@dataclass(frozen=True)
class Flag:
    """One thing that is wrong with a clip, and the number it rests on, in words."""

    name: FlagName
    reason: str


def flags_of(sample: Sample) -> tuple[Flag, ...]:
    """What is wrong with a clip: `copy` and `blank` say more than `static`, so they stand alone."""
    frames = sample.frames.astype(np.float32)
    spread = frames.std(axis=(1, 2))[1:].max(axis=1)
    wanted = float(sample.picture.std(axis=(0, 1)).max())
    empty = spread < min(BLANK_LEVELS, BLANK_SHARE * wanted) if wanted > BLANK_LEVELS else np.zeros(1, bool)
    if empty.mean() > 0.5:
        return (Flag("blank", f"{int(empty.sum())} of {len(empty)} frames have one colour"),)
    away = float(np.percentile(np.abs(frames[1:] - frames[0]).max(axis=(0, -1)), LIVELIEST))
    if away < COPY_LEVELS:
        return (Flag("copy", f"every frame is frame 0: the liveliest pixels are {away:.1f} levels of 255 off it"),)
    speed = 100 * sample.fps / sample.diagonal * float(np.percentile(sample.speeds.mean(axis=0), LIVELIEST))
    if speed < STILL_SPEED:
        return (Flag("static", f"the liveliest pixels move {speed:.2f} % of the diagonal per second"),)
    return ()
