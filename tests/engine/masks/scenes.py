"""Generated scenes with their exact masks, for what finds them again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.pretraining.examples import CANVAS, FPS
from engine.pretraining.scenes.catalog import draw_clip
from engine.video.clip_tensor import to_frames

if TYPE_CHECKING:
    import numpy as np
    import torch

    from engine.mask_requests import Box

PLAIN = {"birds-flying": 990_003, "horse-running": 990_011}


def scene(motion: str, seed: int, *, frames: int = 1) -> tuple[np.ndarray, torch.Tensor]:
    """Frames `f h w 3` and their exact masks `f h w`."""
    clip = draw_clip(seed, motion, CANVAS, frames=frames, fps=FPS)
    return to_frames(clip.frames.transpose(0, 1)), clip.mask[:, 0]


def box_around(mask: torch.Tensor, *, margin: int = 2) -> Box:
    """The box of a mask `h w`, a little wider."""
    from engine.mask_requests import Box

    rows, columns = (mask > 0.5).nonzero(as_tuple=True)
    left, top = max(int(columns.min()) - margin, 0), max(int(rows.min()) - margin, 0)
    right = min(int(columns.max()) + margin + 1, mask.shape[1])
    bottom = min(int(rows.max()) + margin + 1, mask.shape[0])
    return Box(left, top, right - left, bottom - top)
