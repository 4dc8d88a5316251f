"""What the attention sites know of the forward pass they run in."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from registry_schema.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from engine.bases.regions import Regions


@dataclass(frozen=True)
class Call:
    """One forward pass of a denoiser.

    Frozen, since gradient checkpointing computes sites again later and must meet the same values.

    Args:
        batch: clips in the pass.
        streams: what is denoised side by side for each clip (the video, then masks); they lie on the batch axis.
        frames: latent frames.
        height: of the latents.
        width: of the latents.
        timestep: where all rows stand, in training steps; None where they stand apart.
        time_embedding: (b * streams) x width, what the base made of the timestep; None until the base has made it.
        regions: where the subjects are, for the attention of the pictures; None where nothing is known of them.
    """

    batch: int
    streams: int
    frames: int
    height: int
    width: int
    timestep: float | None = None
    time_embedding: Tensor | None = None
    regions: Regions | None = None

    @property
    def samples(self) -> int:
        """Rows of the pass: `batch * streams`; the streams of a clip lie together, its pictures first."""
        return self.batch * self.streams

    def of_stream(self, rows: Tensor, stream: int) -> Tensor:
        """The rows of one stream, of a tensor whose first axis counts samples, or samples times something inside."""
        if self.streams == 1:
            return rows
        return rows.unflatten(0, (self.batch, self.streams, -1))[:, stream].flatten(0, 1)

    def as_samples(self) -> Call:
        """The pass as if each stream were a clip of its own: so it is without masked adapters."""
        return self if self.streams == 1 else replace(self, batch=self.samples, streams=1)

    def alone(self, stream: int) -> Call:
        """The pass as if one stream were all; masks are for the pictures."""
        if self.streams == 1:
            return self
        embedding = None if self.time_embedding is None else self.of_stream(self.time_embedding, stream)
        regions = self.regions if stream == 0 else None
        return replace(self, streams=1, time_embedding=embedding, regions=regions)

    def grid(self, down_scale: int) -> tuple[int, int]:
        """Height and width in tokens at a site that stands `down_scale` times below the latents.

        Rounded up, as strided convolutions do with odd sizes.
        """
        return -(-self.height // down_scale), -(-self.width // down_scale)


@dataclass(frozen=True)
class SiteInput:
    """What one attention site is given, in the layout adapters work with.

    Args:
        hidden: (b * streams) f n d at self and cross sites, (b * streams) n f d at temporal sites.
        streams: see `Call`.
        frames: latent frames.
        grid: height and width in tokens; their product is n.
        time_embedding: (b * streams) x time width.
    """

    hidden: Tensor
    streams: int
    frames: int
    grid: tuple[int, int]
    time_embedding: Tensor


def beside_each_other(streams: Sequence[Tensor], batch: int) -> Tensor:
    """Rows of all streams, from those of each; the inverse of `Call.of_stream`."""
    return torch.stack([rows.unflatten(0, (batch, -1)) for rows in streams], dim=1).flatten(0, 2)


class CurrentCall:
    """Holds the call in progress: the base fills it, processors read it."""

    def __init__(self) -> None:
        self._call: Call | None = None

    def get(self) -> Call:
        """The call in progress.

        Raises:
            UsageProblem: nobody is in `Base.predict`.
        """
        if self._call is None:
            msg = "the denoiser was called by itself while adapters are attached, expected `Base.predict`"
            raise UsageProblem(msg)
        return self._call

    @contextmanager
    def during(self, call: Call | None) -> Iterator[None]:
        """Make `call` the current one; the one before comes back afterwards."""
        before, self._call = self._call, call
        try:
            yield
        finally:
            self._call = before

    def note_time_embedding(self, time_embedding: Tensor) -> None:
        """Complete the current call; nothing happens outside of one."""
        if self._call is not None:
            self._call = replace(self._call, time_embedding=time_embedding)

    def snapshot(self) -> Call | None:
        """The current call, to be given to `during` again when a layer is computed a second time."""
        return self._call
