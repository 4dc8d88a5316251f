"""Draws the contact sheets in this folder: `python -m docs.contact_sheets` (needs the test extras, ten minutes).

Six photographs that no part of `nano` was fitted to, and two generated pictures that hold what the adapters move,
animated through the command line with the starter adapters. A row has four frames of a clip and, last, how much each
place changed over the clip (white: a tenth of the full range).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from PIL import Image

from engine.pretraining.scenes.canvas import Canvas
from engine.pretraining.scenes.catalog import draw_scene
from engine.pretraining.scenes.draws import Draws
from engine.video.clip_reader import read_clip
from engine.video.clip_tensor import to_frames
from tests.photographs import NAMES, photograph

COMPOSITIONS = {
    "waterfall": ("waterfall",),
    "clouds": ("clouds",),
    "birds-flying": ("birds-flying",),
    "waterfall+clouds": ("waterfall:0.5", "clouds:0.5"),
}
COLUMNS = (0, 5, 10, 15)
CELL_WIDTH = 256
GENERATED = 2
FIRST_SEED = 800_001
"""Apart from those of pretraining and of starters' clips."""
CANVAS = Canvas(400, 640)
WHITE = 25.5


def generated(motions: tuple[str, ...], index: int) -> Image.Image:
    """A picture that holds a thing for each of the motions, and nothing else that could move."""
    scene = draw_scene(Draws(FIRST_SEED + 2 * index), CANVAS, motions)
    return Image.fromarray(to_frames(scene.clip((), torch.zeros(1)).frames.transpose(0, 1))[0])


def animate(photo: Path, uses: tuple[str, ...], clip: Path) -> np.ndarray:
    """The frames of a photo's clip, as the command line makes it."""
    use = [word for name in uses for word in ("--use", name)]
    command = [sys.executable, "-m", "mivactl", "animate", str(photo), *use, "-o", str(clip), "--offline", "--quiet"]
    subprocess.run(command, check=True)
    return read_clip(clip).frames


def row(frames: np.ndarray) -> Image.Image:
    """Four frames and the change, side by side."""
    change = np.abs(frames.astype(np.float32) - frames[:1]).mean(axis=(0, 3))
    heat = (change.clip(0, WHITE) * (255 / WHITE)).astype(np.uint8)
    cells = [Image.fromarray(frames[index]) for index in COLUMNS] + [Image.fromarray(heat).convert("RGB")]
    height = round(CELL_WIDTH * frames.shape[1] / frames.shape[2])
    strip = Image.new("RGB", (CELL_WIDTH * len(cells), height))
    for place, cell in enumerate(cells):
        strip.paste(cell.resize((CELL_WIDTH, height), Image.Resampling.LANCZOS), (place * CELL_WIDTH, 0))
    return strip


def sheet(rows: list[Image.Image]) -> Image.Image:
    """Rows below each other."""
    page = Image.new("RGB", (rows[0].width, sum(strip.height for strip in rows)))
    top = 0
    for strip in rows:
        page.paste(strip, (0, top))
        top += strip.height
    return page


def main() -> None:
    """Draw every sheet, or those named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(COMPOSITIONS), help=", ".join(COMPOSITIONS))
    names = parser.parse_args().names
    with TemporaryDirectory() as folder:
        photos = {name: Path(folder) / f"{name}.png" for name in NAMES}
        for name, path in photos.items():
            Image.fromarray(photograph(name)).save(path)
        for name in names:
            motions = tuple(use.partition(":")[0] for use in COMPOSITIONS[name])
            drawn = [Path(folder) / f"{name}-{index}.png" for index in range(GENERATED)]
            for index, path in enumerate(drawn):
                generated(motions, index).save(path)
            rows = [
                row(animate(path, COMPOSITIONS[name], Path(folder) / f"{name}-{path.stem}.mp4"))
                for path in (*photos.values(), *drawn)
            ]
            sheet(rows).save(Path(__file__).parent / f"contact-sheet-{name}.jpg", quality=82)


if __name__ == "__main__":
    main()
