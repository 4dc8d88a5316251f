"""Training examples with masks: each window's latents, those of its mask, and the mask at their size."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

from engine.sampling.mask_decoder import as_clip, to_cells
from engine.training.draws import window_choice
from registry_schema.errors import IntegrityProblem, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jaxtyping import Float
    from torch import Tensor

    from engine.progress import Progress
    from engine.training.clip_dataset import TrainingClip
    from engine.training.draws import WindowChoice
    from engine.training.latent_cache import Origin
    from engine.training.latent_set import LatentSet
    from engine.training.windows import Window
    from registry_schema.clip_shape import ClipShape

MASK_VERSION = 1
"""Raised when the same mask would give other numbers."""


@dataclass(frozen=True)
class MaskedClips:
    """Some examples.

    Args:
        latents: b 2 c f h w, of the pictures and of their masks.
        confidence: b f h w, the masks at the size of the latents.
    """

    latents: Float[Tensor, "b 2 c f h w"]
    confidence: Float[Tensor, "b f h w"]


class MaskedLatentSet:
    """Latents of a dataset and of its masks on one base; pictures and masks are mirrored together.

    Args:
        pictures: of the clips.
        masks: `f h w` in 0..1 by the clip's file name, as many frames as the clip has.

    Raises:
        UsageProblem: a clip has no mask, or a mask has not as many frames.
    """

    def __init__(self, pictures: LatentSet, masks: Mapping[str, Tensor]) -> None:
        self._pictures, self._masks = pictures, masks
        self._digests = {clip.path.name: self._digest_of(clip) for clip in pictures.dataset.clips}

    @property
    def digest(self) -> str:
        """Of the clips, their windows and their masks."""
        text = repr((self._pictures.digest, sorted(self._digests.items())))
        return "sha256:" + hashlib.sha256(text.encode()).hexdigest()

    def encode(self, progress: Progress) -> None:
        """Make what the cache does not hold; afterwards the autoencoder is not in memory."""
        clips = self._pictures.dataset.clips
        with progress.phase("encoding masks", len(clips)) as phase:
            for clip in clips:
                self._encode(clip)
                phase.advance()
        self._pictures.encode(progress)

    def batch(self, seed: int, samples: range) -> MaskedClips:
        """These samples of a run, counted from its first one; see `LatentSet.batch`."""
        pictures = self._pictures
        counts = tuple(len(clip.windows) for clip in pictures.dataset.clips)
        choices = [window_choice(seed, sample, counts, flip=pictures.flip) for sample in samples]
        rows = [torch.stack([pictures.latents(choice), self._read(choice, "mask latents")]) for choice in choices]
        confidence = [self._read(choice, "mask cells")[0] for choice in choices]
        return MaskedClips(torch.stack(rows), torch.stack(confidence))

    def _read(self, choice: WindowChoice, kind: str) -> Float[Tensor, "c f h w"]:
        clip = self._pictures.dataset.clips[choice.clip]
        origin = self._origin(clip, clip.windows[choice.window], kind, flipped=choice.flipped)
        found = self._pictures.cache.read(origin)
        if found is None:
            self._encode(clip)
            self._pictures.base.release_autoencoder()
            found = self._pictures.cache.read(origin)
        if found is None:
            folder = self._pictures.cache.path_of(origin).parent
            raise IntegrityProblem(f"masks of `{clip.path.name}` do not stay in `{folder}`")
        return found

    def _encode(self, clip: TrainingClip) -> None:
        """Write the masks of all windows of a clip, and their mirror images."""
        base, cache, shape = self._pictures.base, self._pictures.cache, self._pictures.dataset.shape
        masks: Tensor | None = None
        for window in clip.windows:
            for flipped in (False, True) if self._pictures.flip else (False,):
                of_latents = self._origin(clip, window, "mask latents", flipped=flipped)
                of_cells = self._origin(clip, window, "mask cells", flipped=flipped)
                if cache.read(of_latents) is not None and cache.read(of_cells) is not None:
                    continue
                masks = self._masks[clip.path.name] if masks is None else masks
                mask = window_mask(masks, window, clip, shape)
                mask = mask.flip(-1) if flipped else mask
                with torch.no_grad():
                    latents = base.encode(as_clip(mask[None]))[0].to("cpu", torch.float32)
                cache.write(of_latents, latents)
                cache.write(of_cells, to_cells(mask[None], latents.shape[1:]))

    def _origin(self, clip: TrainingClip, window: Window, kind: str, *, flipped: bool) -> Origin:
        known = self._pictures.origin(clip, window, flipped=flipped)
        return known | {"kind": kind, "mask": self._digests[clip.path.name], "mask version": MASK_VERSION}

    def _digest_of(self, clip: TrainingClip) -> str:
        mask = self._masks.get(clip.path.name)
        if mask is None:
            raise UsageProblem(f"clip `{clip.path.name}` has no mask", hint="give one, or take the clip away")
        frames = len(clip.facts.times)
        if mask.ndim != 3 or mask.shape[0] != frames:
            msg = f"the mask of `{clip.path.name}` has {mask.shape[0]} frames, the clip has {frames}"
            raise UsageProblem(msg, hint="give one mask for each frame")
        eighths = (mask.clamp(0, 1) * 255).round().to(torch.uint8).contiguous()
        return "sha256:" + hashlib.sha256(repr(tuple(mask.shape)).encode() + eighths.numpy().tobytes()).hexdigest()


def window_mask(
    masks: Float[Tensor, "f h w"], window: Window, clip: TrainingClip, shape: ClipShape
) -> Float[Tensor, "f2 h2 w2"]:
    """The mask of a window at the size of `shape`: the part of it that `window_pixels` takes of the clip.

    Args:
        masks: of the whole clip, of any size.
        window: which frames, and which part of the decoded clip.
        clip: whose window it is.
        shape: of the base's clip.
    """
    down, across = masks.shape[1] / clip.facts.height, masks.shape[2] / clip.facts.width
    left, top, width, height = window.crop
    box = (left * across, top * down, (left + width) * across, (top + height) * down)
    smaller = width * across < shape.width
    kernel = Image.Resampling.BILINEAR if smaller else Image.Resampling.BOX
    size = (shape.width, shape.height)
    resized = {
        index: np.asarray(Image.fromarray(masks[index].float().numpy()).resize(size, kernel, box=box))
        for index in set(window.frames)
    }
    return torch.from_numpy(np.stack([resized[index] for index in window.frames])).clamp(0, 1)
