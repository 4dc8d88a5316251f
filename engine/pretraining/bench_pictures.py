"""Draws the pictures of a suite: for each a mask of what should move, and for single motions the real clip."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from engine.pretraining.examples import FPS
from engine.pretraining.quality.motions import EVERYWHERE
from engine.pretraining.quality.real_clips import Stream, real_clip, real_pair
from engine.progress import SilentProgress
from engine.video.clip_writer import write_clip

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from jaxtyping import Bool, UInt8

    from engine.bench.suite import Group
    from engine.progress import Progress


def draw_pictures(
    groups: Sequence[Group], folder: Path, *, most: int | None = None, progress: Progress | None = None
) -> None:
    """Write `<group>/<number>.png`, `.mask.png` and `.real.apng` into `folder`; what is there is not drawn again.

    The pictures are the test pictures of the starters, which no training has seen.

    Args:
        groups: of one or two motions that can be drawn.
        folder: is made.
        most: pictures of each group, if less than the group's.
        progress: told about every picture.
    """
    counts = {group.name: min(group.most, most or group.most) for group in groups}
    with (progress or SilentProgress()).phase("drawing pictures", sum(counts.values())) as phase:
        for group in groups:
            place = folder / group.name
            place.mkdir(parents=True, exist_ok=True)
            for index in range(counts[group.name]):
                if not (place / f"{index:02d}.png").exists():
                    _draw(group, place / f"{index:02d}", index)
                phase.advance()


def _draw(group: Group, stem: Path, index: int) -> None:
    if len(group.motions) == 1:
        clip = real_clip(group.motions[0], Stream.PICTURES, index)
        write_clip(clip.frames, stem.with_name(f"{stem.name}.real.apng"), fps=FPS)
        picture, region = clip.frames[0], clip.region
        masked = group.motions[0] not in EVERYWHERE
    else:
        first, second = group.motions
        one, other = real_pair(first, second, index)
        picture, region, masked = one.frames[0], one.region | other.region, True
    if masked:
        _write(_picture_of(region), stem.with_name(f"{stem.name}.mask.png"))
    # last, since it says that all of it is there
    _write(picture, stem.with_name(f"{stem.name}.png"))


def _picture_of(region: Bool[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
    return np.where(region, np.uint8(255), np.uint8(0))


def _write(pixels: UInt8[np.ndarray, "h w ..."], path: Path) -> None:
    fresh = path.with_name(f".{path.name}")
    Image.fromarray(pixels).save(fresh, format="PNG")
    fresh.replace(path)
