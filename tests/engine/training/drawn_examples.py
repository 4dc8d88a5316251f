"""Latents of a moving bright square, drawn instead of decoded: examples for the trainer."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.training.draws import window_choice

CLIPS, CHANNELS, FRAMES, SIDE = 3, 4, 4, 8


class DrawnExamples:
    """`Examples` of three clips in which a square moves to the right."""

    def __init__(self, *, digest: str = "sha256:drawn", value: float = 1.0, frames: int = FRAMES) -> None:
        self.digest = digest
        self._value = value
        self._frames = frames

    def batch(self, seed: int, samples: range) -> Tensor:
        return torch.stack(
            [self._clip(window_choice(seed, sample, (1,) * CLIPS, flip=False).clip) for sample in samples]
        )

    def _clip(self, clip: int) -> Tensor:
        latents = torch.zeros(CHANNELS, self._frames, SIDE, SIDE)
        for frame in range(self._frames):
            latents[clip, frame, 2:5, frame : frame + 3] = self._value
        return latents
