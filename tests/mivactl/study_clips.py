"""Small clips of methods, as runs of `mivactl bench` and as plain folders."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from engine.video.clip_writer import write_clip

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MOTIONS = (("birds-flying",), ("waterfall",), ("rain",), ("horse",), ("waterfall", "clouds"), ("birds", "clouds"))


def frames_of(shade: int, *, count: int = 4, size: tuple[int, int] = (48, 32)) -> np.ndarray:
    """A bright bar that wanders over a ground of one shade, `f h w 3`."""
    width, height = size
    frames = np.full((count, height, width, 3), shade, dtype=np.uint8)
    for number in range(count):
        left = (number * width) // count
        frames[number, :, left : left + width // count] = 255 - shade
    return frames


def write_run(folder: Path, *, methods: Sequence[str], cases: int, motions: Sequence[Sequence[str]] = MOTIONS) -> Path:
    """A run as `mivactl bench` leaves it: `run.json`, `clips/CASE/METHOD.mp4` with receipts inside, photos."""
    listed = []
    for number in range(cases):
        name = f"case-{number:02}"
        moving = list(motions[number % len(motions)])
        photo = folder / "photos" / f"{name}.png"
        photo.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(frames_of(40 + number)[0]).save(photo)
        for place, method in enumerate(methods):
            target = folder / "clips" / name / f"{method}.mp4"
            write_clip(frames_of(40 + 10 * place + number), target, fps=8, receipt_text=f"made by {method}")
        weights = [1 / len(moving)] * len(moving)
        listed.append({"name": name, "photo": f"photos/{name}.png", "motions": moving, "weights": weights})
    run = {"schema": "mivactl.bench-run/1", "cases": listed, "methods": [{"name": name} for name in methods], "more": 1}
    (folder / "run.json").write_text(json.dumps(run))
    return folder
