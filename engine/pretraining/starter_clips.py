"""Draws the clips a starter adapter is trained on: `python -m engine.pretraining.starter_clips waterfall -o clips/`.

Two kinds: a thing that moves; and, for a camera, a few pictures that are filmed along several paths each.

Only a camera's show things of other motions. An adapter that was shown clouds standing still holds them, and at half
weight it holds them against one that moves them; under a camera they move with all else.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path
from typing import TYPE_CHECKING

from engine.masks.mask_files import write_clip_mask
from engine.masks.training_masks import place_of_masks
from engine.pretraining.examples import CANVAS, FPS, FRAMES
from engine.pretraining.scenes.catalog import (
    CAMERAS,
    ELEMENTS,
    KEPT,
    camera_path,
    draw_clip,
    draw_large_picture,
)
from engine.pretraining.scenes.draws import Draws
from engine.pretraining.scenes.scene import filmed
from engine.video.clip_tensor import to_frames
from engine.video.clip_writer import write_clip

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.pretraining.scenes.scene import GeneratedClip

LONG = 24
"""Frames of a clip of which several windows are taken; those of a camera have `FRAMES`, one window."""
MOVING_CLIPS = 14
PICTURES, PATHS = 20, 5
"""Source: MIVA, appendix D.2."""
FIRST_SEED = 500_001
"""Far above those of pretraining, which go up by 32 with each step."""
SMALLEST_CHANGE = 0.004
EVERYWHERE = frozenset({"raining", "fireworks"})
"""Fit every photo, so that none is without their subject; and would hide other things."""
MOVABLE = tuple(name for name in ELEMENTS if name not in EVERYWHERE)


def moving_clip(motion: str, index: int) -> GeneratedClip:
    """Clip number `index` of a thing that moves, `LONG` frames."""
    clips = (draw_clip(seed, motion, CANVAS, frames=LONG, fps=FPS) for seed in _seeds(FIRST_SEED, index))
    return next(clip for clip in clips if _changes(clip) and float(clip.mask[0].mean()) > 0)


def filmed_clips(motion: str, index: int) -> tuple[GeneratedClip, ...]:
    """Picture number `index`, filmed along `PATHS` paths of a camera motion, `FRAMES` frames each.

    Every other picture holds something that could move by itself.
    """
    things = still_things(FIRST_SEED + index, index % 2)
    for seed in _seeds(FIRST_SEED, index):
        draws = Draws(seed)
        picture = draw_large_picture(draws, CANVAS, things)
        paths = [camera_path(draws, motion, CANVAS, FRAMES) for _ in range(PATHS)]
        clips = tuple(filmed(picture, path, CANVAS, motion) for path in paths)
        if all(_changes(clip) for clip in clips):
            break
    return clips


def drawn_clips(motion: str, count: int) -> Iterator[tuple[str, GeneratedClip]]:
    """All clips of a starter, each with the name of its file.

    Args:
        motion: a key of `ELEMENTS` or `KEPT`, or one of `CAMERAS`.
        count: how many clips with the moving thing, or how many pictures for a camera.
    """
    for index in range(count):
        if motion in CAMERAS:
            for path, clip in enumerate(filmed_clips(motion, index)):
                yield f"{motion}-{index:02d}-{path}.apng", clip
        else:
            yield f"{motion}-{index:02d}.apng", moving_clip(motion, index)


def write_clips(motion: str, folder: Path, *, count: int | None = None, masks: bool = False) -> None:
    """Write the clips of a starter into `folder` as lossless animated PNGs; see `drawn_clips` for the arguments.

    Args:
        masks: write the exact masks of what moves beside them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = count or (PICTURES if motion in CAMERAS else MOVING_CLIPS)
    for name, clip in drawn_clips(motion, wanted):
        write_clip(to_frames(clip.frames.transpose(0, 1)), folder / name, fps=FPS)
        if masks:
            write_clip_mask(clip.mask[:, 0], place_of_masks(folder / name), fps=FPS)


def still_things(seed: int, count: int, *, without: str = "") -> tuple[str, ...]:
    """Names of up to `count` things that could move, other than `without`."""
    draws = Draws(seed)
    names = [name for name in MOVABLE if name != without]
    return tuple(dict.fromkeys(draws.choice(names) for _ in range(count)))


def _seeds(first: int, index: int) -> Iterator[int]:
    """Seeds to be tried in turn, apart from those of any other index."""
    return itertools.count(first + 2 * index, 200)


def _changes(clip: GeneratedClip) -> bool:
    return float((clip.frames[1:] - clip.frames[:-1]).abs().mean()) > SMALLEST_CHANGE


def main() -> None:
    """Command line of the clip writer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("motion", choices=[*ELEMENTS, *KEPT, *CAMERAS])
    parser.add_argument("-o", "--to", type=Path, required=True, help="folder of the clips")
    parser.add_argument("--count", type=int, help="clips with the moving thing (14), or pictures for a camera (20)")
    parser.add_argument("--masks", action="store_true", help="exact masks beside the clips, in `masks`")
    options = parser.parse_args()
    write_clips(options.motion, options.to, count=options.count, masks=options.masks)


if __name__ == "__main__":
    main()
