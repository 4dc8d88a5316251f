"""Latents on disk, each under the digest of everything it was made from: encoded once, whoever asks.

A file is complete or absent. One that can not be read, or whose numbers are not those that were written, is made
again.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from typing import TYPE_CHECKING, TypeAlias

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from engine.training.durable import sync

if TYPE_CHECKING:
    from pathlib import Path

    from jaxtyping import Float
    from torch import Tensor

TENSOR, DIGEST = "latents", "digest"
# a draft that nobody has finished for so long belongs to a process that died
ABANDONED_SECONDS = 3600

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
            with safe_open(self.path_of(origin), framework="pt") as file:
                latents, digest = file.get_tensor(TENSOR), (file.metadata() or {}).get(DIGEST)
        except (OSError, SafetensorError):
            return None
        return latents if digest == _digest(latents) else None

    def write(self, origin: Origin, latents: Float[Tensor, "c f h w"]) -> None:
        """Keeps the latents; another process writing the same ones does no harm."""
        latents = latents.contiguous()
        path = self.path_of(origin)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            save_file({TENSOR: latents}, draft, metadata={DIGEST: _digest(latents)})
            sync(draft)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)

    def sweep(self) -> None:
        """Removes what processes that died left half written."""
        for draft in self._folder.glob("*/.*.part"):
            try:
                if time.time() - draft.stat().st_mtime > ABANDONED_SECONDS:
                    draft.unlink()
            except FileNotFoundError:  # another process was quicker
                continue


def _digest(latents: Float[Tensor, "c f h w"]) -> str:
    shape = " ".join(str(side) for side in latents.shape)
    return hashlib.sha256(f"{latents.dtype} {shape}\n".encode() + latents.numpy().tobytes()).hexdigest()
