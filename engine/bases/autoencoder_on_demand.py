"""An autoencoder whose weights are in memory only while they are needed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.bases.memory_set import WHOLE

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from torch import Tensor

    from engine.bases.autoencoder import ClipAutoencoder
    from engine.bases.memory_set import MemorySet


@dataclass
class AutoencoderOnDemand:
    """A `ClipAutoencoder` that is loaded at its first use, where its input lies, and again after a `release`.

    Attributes:
        load: reads it from disk onto a device, to code in the manner of a set.
        memory: the set.
    """

    load: Callable[[torch.device, MemorySet], ClipAutoencoder]
    memory: MemorySet = WHOLE
    _loaded: ClipAutoencoder | None = field(default=None, init=False, repr=False)

    @property
    def is_loaded(self) -> bool:
        """Whether its weights are in memory."""
        return self._loaded is not None

    def encode(self, pixels: Tensor) -> Tensor:
        """Latents of a clip."""
        return self._ready(pixels.device).encode(pixels)

    def decode(self, latents: Tensor) -> Tensor:
        """Pixels of a clip."""
        return self._ready(latents.device).decode(latents)

    def origin(self, latents: Tensor) -> Tensor | None:
        """Where each pixel came from in frame 0, if latents say so."""
        return self._ready(latents.device).origin(latents)

    def release(self) -> None:
        """Let go of the weights."""
        self._loaded = None

    def _ready(self, device: torch.device) -> ClipAutoencoder:
        if self._loaded is None:
            self._loaded = self.load(device, self.memory)
        return self._loaded
