"""Sizes of clips and of latents, and the names of their axes. Free of torch.

Axis legend, used by every signature of the engine:

    b  batch             c  channels          f  frames (frame 0 is the input image)
    h  height            w  width             of what the tensor is: pixels or latents
    n  tokens of a frame d  width of a layer  s  samples of one forward pass, b * streams

Pixels are float32 in [-1, 1].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from registry_schema.base_spec import LatentScale
    from registry_schema.clip_shape import ClipShape


@dataclass(frozen=True)
class LatentShape:
    """Size of one clip in the autoencoder's space, counted in latent cells."""

    channels: int
    frames: int
    height: int
    width: int


def latent_shape(clip: ClipShape, scale: LatentScale) -> LatentShape:
    """Size of the latents of `clip`.

    A base that compresses time keeps frame 0 by itself: 17 frames at a factor of 4 are 5 latent frames.
    """
    return LatentShape(
        channels=scale.channels,
        frames=latent_frames(clip.frames, scale),
        height=clip.height // scale.spatial,
        width=clip.width // scale.spatial,
    )


def latent_frames(frames: int, scale: LatentScale) -> int:
    """How many latent frames a clip of `frames` frames has."""
    return (frames - 1) // scale.temporal + 1


def clip_frames(frames: int, scale: LatentScale) -> int:
    """How many frames `frames` latent frames decode to; the inverse of `latent_frames` on legal lengths."""
    return (frames - 1) * scale.temporal + 1
