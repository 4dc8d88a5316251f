"""Small contact sheets: a row has four frames of a clip and how much each place changed in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from jaxtyping import UInt8

    from engine.pretraining.quality.suite import Findings

COLUMNS: Final = (0, 5, 10, 15)
WHITE: Final = 25.5
"""Mean change in levels of 255 that is shown as white."""
GAP: Final = 2
QUALITY: Final = 88


def write_sheets(findings: Findings, folder: Path) -> None:
    """One JPEG for each motion with a starter and for each pair at even weights."""
    folder.mkdir(parents=True, exist_ok=True)
    clips = {trials.motion: [trial.frames for trial in trials.trials] for trials in findings.motions if trials.trials}
    clips |= {"+".join(pair.motions): list(pair.frames) for pair in findings.pairs}
    for name, rows in clips.items():
        Image.fromarray(sheet(rows)).save(folder / f"{name}.jpg", quality=QUALITY)


def sheet(clips: Sequence[UInt8[np.ndarray, "f h w 3"]]) -> UInt8[np.ndarray, "y x 3"]:
    """Clips below each other, at their own size."""
    return _joined([_row(frames) for frames in clips], axis=0)


def _row(frames: UInt8[np.ndarray, "f h w 3"]) -> UInt8[np.ndarray, "h x 3"]:
    change = np.abs(frames.astype(np.float32) - frames[:1]).mean(axis=(0, 3))
    heat = (change.clip(0, WHITE) * (255 / WHITE)).astype(np.uint8)
    return _joined([*(frames[place] for place in COLUMNS), np.repeat(heat[..., None], 3, axis=-1)], axis=1)


def _joined(parts: Sequence[UInt8[np.ndarray, "y x 3"]], *, axis: int) -> UInt8[np.ndarray, "y x 3"]:
    shape = list(parts[0].shape)
    shape[axis] = GAP
    gap = np.zeros(shape, dtype=np.uint8)
    return np.concatenate([piece for part in parts for piece in (part, gap)][:-1], axis=axis)
