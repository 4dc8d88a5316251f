"""Draws the clips a starter adapter is trained on: `python -m engine.pretraining.starter_clips waterfall -o clips/`.

Recipes and words for publishing lie beside this file in `starters/`; `docs/starters.md` has the way from clips to the
packaged registry.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from PIL import Image

from engine.pretraining.nano import CANVAS, FPS
from engine.pretraining.scenes.catalog import CAMERAS, ELEMENTS, KEPT, draw_clip
from engine.pretraining.scenes.draws import Draws
from engine.video.clip_tensor import to_frames

FRAMES = 24
FIRST_SEED = 500_001
"""Odd: pretraining draws its own clips from other streams."""
SMALLEST_CHANGE = 0.004


def starter_clip(motion: str, index: int) -> list[Image.Image]:
    """The frames of clip number `index` of a motion.

    Every other clip also holds something that could move and does not.
    """
    draws = Draws(FIRST_SEED + index)
    movable = tuple(name for name in ELEMENTS if name not in {motion, "raining", "fireworks"})
    others = (draws.choice(movable),) if index % 2 else ()
    for attempt in range(100):
        seed = FIRST_SEED + 2 * (index + 100 * attempt)
        clip = draw_clip(seed, motion, CANVAS, frames=FRAMES, fps=FPS, others=others)
        change = float((clip.frames[1:] - clip.frames[:-1]).abs().mean())
        if change > SMALLEST_CHANGE and float(clip.mask[0].mean()) > 0:
            break
    return [Image.fromarray(frame) for frame in to_frames(clip.frames.transpose(0, 1))]


def write_clips(motion: str, folder: Path, *, count: int) -> None:
    """Write `count` lossless animated PNGs into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    digits = math.ceil(math.log10(count + 1))
    for index in range(count):
        first, *rest = starter_clip(motion, index)
        first.save(
            folder / f"{motion}-{index:0{digits}d}.apng",
            format="PNG",
            save_all=True,
            append_images=rest,
            duration=1000 / FPS,
            loop=0,
        )


def main() -> None:
    """Command line of the clip writer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("motion", choices=[*ELEMENTS, *KEPT, *CAMERAS])
    parser.add_argument("-o", "--to", type=Path, required=True, help="folder of the clips")
    parser.add_argument("--count", type=int, default=12)
    options = parser.parse_args()
    write_clips(options.motion, options.to, count=options.count)


if __name__ == "__main__":
    main()
