"""Draws the predicted masks of a run: `python -m docs.mask_steps DRAFTS MOTION -o masks.webp` (on `nano`).

A row for each of eight evaluations, from noise to clean, at four frames; above them the clip, below the true masks.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageDraw

from engine.bases.base_folder import base_folder, read_base_spec
from engine.pretraining.quality.masked_builds import MaskedAnimator
from engine.pretraining.quality.masked_scenes import MOTIONS, masked_scenes
from engine.pretraining.quality.starters import find_starters
from engine.sampling.mask_decoder import stretched

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from engine.sampling.mask_decoder import MaskDecoder

FRAMES: Final = (0, 5, 10, 15)
CELL: Final = (192, 120)
LABEL: Final = 120


class Recorder:
    """A decoder that keeps what it read.

    Args:
        decoder: that reads.
    """

    def __init__(self, decoder: MaskDecoder) -> None:
        self._decoder = decoder
        self.read: list[Tensor] = []

    def confidence(self, clean: Tensor) -> Tensor:
        """See `MaskDecoder`."""
        found = self._decoder.confidence(clean)
        self.read.append(stretched(found)[0])
        return found


def row(label: str, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Four frames of `f h w 3` beside a label."""
    cells = [Image.fromarray(frames[place]).resize(CELL, Image.Resampling.NEAREST) for place in FRAMES]
    line = Image.new("RGB", (LABEL + len(cells) * CELL[0], CELL[1]), "white")
    ImageDraw.Draw(line).text((6, CELL[1] // 2 - 8), label, fill="black", font_size=14)
    for column, cell in enumerate(cells):
        line.paste(cell, (LABEL + column * CELL[0], 0))
    return np.asarray(line)


def grey(masks: Tensor) -> NDArray[np.uint8]:
    """Masks `f h w` in 0..1 as pictures."""
    return (masks.numpy() * 255).astype(np.uint8)[..., None].repeat(3, axis=-1)


def main() -> None:
    """Command line of the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("drafts", type=Path, help="folder with a draft of a masked build for each motion")
    parser.add_argument("motion", choices=MOTIONS)
    parser.add_argument("--scene", type=int, default=0, help="number of the scene")
    parser.add_argument("--out", "-o", type=Path, required=True)
    options = parser.parse_args()
    base = base_folder("nano")
    build = find_starters(options.drafts, (options.motion,), read_base_spec(base).base_identity)[options.motion]
    animator = MaskedAnimator(base, build, None, steps=None)
    animator.decoder = recorder = Recorder(animator.decoder)
    count = animator.base.spec.clip.frames
    scene = list(masked_scenes(options.motion, options.scene + 1, frames=count))[-1]
    clip, last = animator.masked(scene.frames[0], scene.masks[0], seed=scene.seed)
    read = recorder.read[: len(recorder.read) - 1]  # the last one is read again for what is returned
    rows = [row("clip", clip), *(row(f"evaluation {place + 1}", grey(masks)) for place, masks in enumerate(read))]
    if not np.array_equal(read[-1].numpy(), last.numpy()):
        raise SystemExit("the last evaluation is not what the run ended with")
    rows.append(row("true masks", grey(animator.cells(scene.masks))))
    Image.fromarray(np.concatenate(rows)).save(options.out, quality=85)


if __name__ == "__main__":
    main()
