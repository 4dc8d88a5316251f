"""The training examples as latents: every window of every clip, encoded once and read back when drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from engine.training.draws import WindowChoice, window_choice
from registry_schema.errors import IntegrityProblem

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from engine.bases.base import Base
    from engine.progress import Progress
    from engine.training.clip_dataset import ClipDataset, TrainingClip
    from engine.training.latent_cache import LatentCache, Origin
    from engine.training.windows import Window

# raised when the same origin would give other numbers
ENCODING_VERSION = 1


@dataclass(frozen=True)
class LatentSet:
    """Latents of a dataset on one base.

    Attributes:
        dataset: the clips and their windows.
        base: whose autoencoder made the latents.
        cache: where they lie.
        flip: whether mirrored windows are drawn too.
    """

    dataset: ClipDataset
    base: Base
    cache: LatentCache
    flip: bool

    @property
    def digest(self) -> str:
        """Of the clips and their windows."""
        return self.dataset.digest

    def encode(self, progress: Progress) -> None:
        """Makes what the cache does not hold; afterwards the autoencoder is not in memory."""
        self.cache.sweep()
        clips = self.dataset.clips
        with progress.phase("encoding clips", len(clips)) as phase:
            for clip in clips:
                self._encode(clip)
                phase.advance()
        self.base.release_autoencoder()

    def batch(self, seed: int, samples: range) -> Float[Tensor, "b c f h w"]:
        """The clean latents of these samples of a run, counted from its first one."""
        counts = tuple(len(clip.windows) for clip in self.dataset.clips)
        return torch.stack([self.latents(window_choice(seed, sample, counts, flip=self.flip)) for sample in samples])

    def latents(self, choice: WindowChoice) -> Float[Tensor, "c f h w"]:
        """The latents of one window."""
        clip = self.dataset.clips[choice.clip]
        origin = self.origin(clip, clip.windows[choice.window], flipped=choice.flipped)
        if (found := self.cache.read(origin)) is None:
            self._encode(clip)
            self.base.release_autoencoder()
            found = self.cache.read(origin)
        if found is None:
            raise IntegrityProblem(
                f"latents of `{clip.path.name}` do not stay in `{self.cache.path_of(origin).parent}`"
            )
        return found

    def _encode(self, clip: TrainingClip) -> None:
        sides = (False, True) if self.flip else (False,)
        origins = [[self.origin(clip, window, flipped=side) for side in sides] for window in clip.windows]
        if all(self.cache.read(origin) is not None for row in origins for origin in row):
            return
        for pixels, row in zip(self.dataset.pixels(clip), origins, strict=True):
            for side, origin in zip(sides, row, strict=True):
                seen = pixels.flip(-1) if side else pixels
                with torch.no_grad():
                    latents = self.base.encode(seen[None])[0]
                self.cache.write(origin, latents.to("cpu", torch.float32))

    def origin(self, clip: TrainingClip, window: Window, *, flipped: bool) -> Origin:
        """What decides the latents of a window."""
        shape = self.dataset.shape
        return {
            "version": ENCODING_VERSION,
            "clip": clip.facts.digest,
            "frames": list(window.frames),
            "crop": list(window.crop),
            "height": shape.height,
            "width": shape.width,
            "flipped": flipped,
            "base": str(self.base.spec.weights),
        }
