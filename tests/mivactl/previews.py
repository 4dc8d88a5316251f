"""A preview as `animate` writes it: a small clip with the receipt that made it, in it and beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.animation.clip_files import write_clip_file
from registry_schema.digests import Digest
from registry_schema.receipt import Receipt
from tests.registry_schema import samples

if TYPE_CHECKING:
    from pathlib import Path


def receipt_of(weights: Digest) -> Receipt:
    plain = samples.receipt()
    (adapter,) = plain.adapters
    return Receipt.seal(
        photo=plain.photo,
        adapters=(adapter.model_copy(update={"weights": weights}),),
        base=plain.base,
        settings=plain.settings,
        versions=plain.versions,
        output=plain.output.model_copy(update={"format": "webp"}),
    )


def add_preview(draft: Path, *, weights: Digest | None = None) -> Receipt:
    """Write `preview.webp` and its receipt into a draft: of its own weights unless others are named."""
    receipt = receipt_of(weights or Digest.of((draft / "adapter.safetensors").read_bytes()))
    frames = np.random.default_rng(0).integers(0, 255, (3, 10, 16, 3), dtype=np.uint8)
    write_clip_file(draft / "preview.webp", frames, receipt=receipt)
    return receipt
