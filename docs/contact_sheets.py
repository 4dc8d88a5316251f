"""Draws the contact sheets in this folder: `python -m docs.contact_sheets` (needs the test extras; twenty minutes).

Six photographs that no part of `nano` was fitted to, and two generated pictures that hold what the adapters move,
animated through the command line with the starter adapters. A row has four frames of a clip and, last, how much each
place changed over the clip (white: a tenth of the full range).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from PIL import Image

from engine.pretraining.quality.motions import PAIRS
from engine.pretraining.scenes.canvas import Canvas
from engine.pretraining.scenes.catalog import draw_scene
from engine.pretraining.scenes.draws import Draws
from engine.pretraining.starter_recipes import STARTERS
from engine.video.clip_reader import read_clip
from engine.video.clip_tensor import to_frames
from tests.photographs import NAMES, photograph

COMPOSITIONS = {
    **{name: (name,) for name in STARTERS},
    **{"+".join(pair): tuple(f"{name}:0.5" for name in pair) for pair in PAIRS},
}
JOBS = 2
COLUMNS = (0, 5, 10, 15)
CELL_WIDTH = 192
GENERATED = 2
FIRST_SEED = 800_001
"""Apart from those of pretraining and of starters' clips."""
CANVAS = Canvas(400, 640)
WHITE = 25.5


def generated(motions: tuple[str, ...], index: int) -> Image.Image:
    """A picture that holds a thing for each of the motions, and nothing else that could move."""
    scene = draw_scene(Draws(FIRST_SEED + 2 * index), CANVAS, motions)
    return Image.fromarray(to_frames(scene.clip((), torch.zeros(1)).frames.transpose(0, 1))[0])


def animate(photos: list[Path], uses: tuple[str, ...], folder: Path) -> list[np.ndarray]:
    """The frames of each photo's clip, as the command line makes them."""
    use = [word for name in uses for word in ("--use", name)]
    command = [sys.executable, "-m", "mivactl", "animate", *map(str, photos), *use, "-o", str(folder), "--offline"]
    # A store of its own: the one in use may hold starters of a former base.
    own = {"OMP_NUM_THREADS": "1", "MIVACTL_HOME": str(folder / "home")}
    subprocess.run([*command, "--quiet"], check=True, env={**os.environ, **own})
    return [read_clip(next(folder.glob(f"{photo.stem}-*.mp4"))).frames for photo in photos]


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


def draw(name: str, photos: list[Path], work: Path) -> None:
    """The sheet of one composition."""
    motions = tuple(use.partition(":")[0] for use in COMPOSITIONS[name])
    folder = work / name
    folder.mkdir()
    drawn = [folder / f"generated{index}.png" for index in range(GENERATED)]
    for index, path in enumerate(drawn):
        generated(motions, index).save(path)
    rows = [row(frames) for frames in animate([*photos, *drawn], COMPOSITIONS[name], folder / "clips")]
    sheet(rows).save(Path(__file__).parent / f"contact-sheet-{name}.jpg", quality=80)


def main() -> None:
    """Draw every sheet, or those named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(COMPOSITIONS), help=", ".join(COMPOSITIONS))
    names = parser.parse_args().names
    with TemporaryDirectory() as folder, ThreadPoolExecutor(JOBS) as jobs:
        photos = [Path(folder) / f"{name}.png" for name in NAMES]
        for path in photos:
            Image.fromarray(photograph(path.stem)).save(path)
        for _ in jobs.map(lambda name: draw(name, photos, Path(folder)), names):
            pass


if __name__ == "__main__":
    main()
