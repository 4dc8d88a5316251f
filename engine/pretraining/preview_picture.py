"""Draws the picture that a starter is shown with, one that it was not trained on.

`python -m engine.pretraining.preview_picture waterfall -o preview.png`
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import torch
from PIL import Image

from engine.pretraining.scenes.backgrounds import landscape, soft_field
from engine.pretraining.scenes.canvas import Canvas
from engine.pretraining.scenes.catalog import draw_scene
from engine.pretraining.scenes.draws import Draws
from engine.video.clip_tensor import to_frames

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from engine.pretraining.scenes.backgrounds import Background
    from engine.pretraining.scenes.scene import GeneratedClip

SIZE: Final = Canvas(200, 320)


@dataclass(frozen=True)
class Picture:
    """What a picture shows, before which background; the seed decides the rest."""

    seed: int
    things: tuple[str, ...]
    background: Callable[[Draws, Canvas], Background] = landscape


PICTURES: Final = {
    "birds-flying": Picture(600_021, ("birds-flying",)),
    "fireworks": Picture(600_209, ("fireworks",)),
    "guitar-playing": Picture(600_405, ("guitar-playing",), soft_field),
    "helicopter-hovering": Picture(600_611, ("helicopter-hovering",)),
    "horse-running": Picture(600_801, ("horse-running",)),
    "raining": Picture(601_001, ("raining",)),
    "turning-to-smile": Picture(601_205, ("turning-to-smile",), soft_field),
    "waterfall": Picture(601_407, ("waterfall",)),
    "clouds": Picture(601_607, ("clouds",)),
    "camera-pan-right": Picture(601_807, ("clouds", "horse-running")),
    "camera-zoom-out": Picture(602_007, ("clouds", "horse-running")),
}
"""Chosen by eye so that the subject is seen clearly; seeds above those of pretraining and of starters' clips."""


def preview_picture(name: str) -> GeneratedClip:
    """The picture of a starter in `PICTURES`, one frame."""
    chosen = PICTURES[name]
    scene = draw_scene(Draws(chosen.seed), SIZE, chosen.things, behind=chosen.background)
    return scene.clip((), torch.zeros(1))


def pixels_of(picture: GeneratedClip) -> NDArray[np.uint8]:
    """The first frame, `h w 3`."""
    return to_frames(picture.frames.transpose(0, 1))[0]


def main() -> None:
    """Command line of the drawing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=PICTURES)
    parser.add_argument("-o", "--to", type=Path, required=True, help="a PNG file")
    options = parser.parse_args()
    Image.fromarray(pixels_of(preview_picture(options.name))).save(options.to, format="PNG")


if __name__ == "__main__":
    main()
