"""`Sample`: a clip with what it is measured against; what several metrics need of it is computed once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from engine.video.optical_flow import flow
from registry_schema.errors import UsageProblem

if TYPE_CHECKING:
    from jaxtyping import Bool, Float32, UInt8

SHORTEST = 3


@dataclass(frozen=True, eq=False, kw_only=True)
class Sample:
    """A clip to be scored.

    Attributes:
        frames: the clip, 3 frames at least.
        fps: frames a second.
        picture: the input picture at the size of the frames.
        region: where the motion belongs; None where nobody says.
        reference: a real clip of the motion that begins with the picture, or None.

    Raises:
        UsageProblem: too few frames, or parts of different sizes.
    """

    frames: UInt8[np.ndarray, "f h w 3"]
    fps: float
    picture: UInt8[np.ndarray, "h w 3"]
    region: Bool[np.ndarray, "h w"] | None = None
    reference: Sample | None = None

    def __post_init__(self) -> None:
        if len(self.frames) < SHORTEST:
            raise UsageProblem(f"a clip of {len(self.frames)} frames can not be scored, expected {SHORTEST} at least")
        sizes = {"picture": self.picture.shape[:2]}
        if self.region is not None:
            sizes["mask"] = self.region.shape
        for what, size in sizes.items():
            if size != self.frames.shape[1:3]:
                raise UsageProblem(f"the {what} has size {size}, the frames {self.frames.shape[1:3]}")

    @cached_property
    def flows(self) -> Float32[np.ndarray, "p h w 2"]:
        """Where each pixel of a frame lies in the next one, in pixels right and down."""
        return np.stack([flow(this, following) for this, following in zip(self.frames, self.frames[1:], strict=False)])

    @cached_property
    def speeds(self) -> Float32[np.ndarray, "p h w"]:
        """Length of the flow, in pixels from a frame to the next."""
        return np.linalg.norm(self.flows, axis=-1)

    @property
    def diagonal(self) -> float:
        """Of a frame, in pixels."""
        height, width = self.frames.shape[1:3]
        return float(np.hypot(height, width))
