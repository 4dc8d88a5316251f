"""Examples with masks for the trainer: the moving square, and where it is."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.training.masked_latents import MaskedClips
from tests.engine.training.drawn_examples import DrawnExamples


class DrawnMasks:
    """`MaskedExamples` of the clips of `DrawnExamples`; a mask's latents are its brightness in the first channel."""

    digest = "sha256:drawn masks"

    def __init__(self, frames: int = 4) -> None:
        self._clips = DrawnExamples(frames=frames)

    def batch(self, seed: int, samples: range) -> MaskedClips:
        clips = self._clips.batch(seed, samples)
        subject = clips.amax(1)
        masks = torch.zeros_like(clips)
        masks[:, 0] = subject * 2 - 1
        return MaskedClips(torch.stack([clips, masks], 1), subject)


class FirstChannel:
    """A `MaskDecoder` for such latents."""

    def confidence(self, clean: Tensor) -> Tensor:
        return (clean[:, 0] / 2 + 0.5).clamp(0, 1)
