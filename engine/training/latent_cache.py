"""Latents on disk, each under the digest of everything it was made from: encoded once, whoever asks.

A file is complete or absent. One that can not be read is made again.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, TypeAlias

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from engine.training.durable import sync

if TYPE_CHECKING:
    from pathlib import Path

    from jaxtyping import Float
    from torch import Tensor

TENSOR = "latents"

Origin: TypeAlias = dict[str, str | int | float | bool | list[int] | list[float]]


class LatentCache:
    """Latents of windows below `folder`, addressed by their origin."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path_of(self, origin: Origin) -> Path:
        """Where the latents with this origin lie, or would lie.

        Args:
            origin: all that decides the numbers: clip digest, frames, crop, size, mirrored, the base's weights.
        """
        text = json.dumps(origin, sort_keys=True, allow_nan=False)
        digest = hashlib.sha256(text.encode()).hexdigest()
        return self._folder / digest[:2] / f"{digest}.safetensors"

    def read(self, origin: Origin) -> Float[Tensor, "c f h w"] | None:
        """The latents, or none where there are none that can be read."""
        try:
            return load_file(self.path_of(origin))[TENSOR]
        except (FileNotFoundError, SafetensorError, KeyError):
            return None

    def write(self, origin: Origin, latents: Float[Tensor, "c f h w"]) -> None:
        """Keeps the latents; another process writing the same ones does no harm."""
        path = self.path_of(origin)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            save_file({TENSOR: latents.contiguous()}, draft)
            sync(draft)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
