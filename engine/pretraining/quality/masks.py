"""How well masks are found without a download, on drawn scenes: `python -m engine.pretraining.quality.masks`.

On `masked_scenes`. Soft IoU: the sum of minima over the sum of maxima, of pixels and of the latent grid.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import torch
from torch.nn import functional as F

from engine.bases.image_encoder import ImageEncoder
from engine.bases.motion_autoencoder import MotionAutoencoder
from engine.masks.cutting import soft_iou
from engine.masks.found_mask import CONFIDENT
from engine.masks.known_things import ENCODER, KnownThing
from engine.pretraining.quality.masked_scenes import MOTIONS, masked_scenes

if TYPE_CHECKING:
    from torch import Tensor

HEAD: Final = "| motion | map, latent | cut, pixels | cut, latent | at least 0.5 | right of sure | sure of absent |"
WANTED: Final = 0.5


@dataclass(frozen=True)
class Trial:
    """One scene: how well the map and its cut fit, how sure the cut was; `absent` is for a thing that is not there."""

    pixels: float
    latent: float
    map_latent: float
    confidence: float
    absent: float


def trials(encoder: ImageEncoder, motion: str, count: int) -> list[Trial]:
    """What the encoder and the cut find of one motion."""
    done = []
    for scene in masked_scenes(motion, count, frames=1):
        pixels, exact, there = scene.frames[0], scene.masks[0], scene.things
        thing = KnownThing(encoder, motion)
        found, likelihood = thing.find(pixels), thing.likelihood(pixels)
        mask = torch.zeros_like(exact) if found is None else found.mask
        missing = next(name for name in (*MOTIONS, "waterfall") if name not in there)
        wrong = KnownThing(encoder, missing).find(pixels)
        done.append(
            Trial(
                pixels=soft_iou(mask, exact),
                latent=soft_iou(_latent(mask), _latent(exact)),
                map_latent=soft_iou(_latent(likelihood), _latent(exact)),
                confidence=0.0 if found is None else found.confidence,
                absent=0.0 if wrong is None else wrong.confidence,
            )
        )
    return done


def _latent(mask: Tensor) -> Tensor:
    return F.avg_pool2d(mask[None, None], MotionAutoencoder.spatial)[0, 0]


def _row(motion: str, done: list[Trial]) -> str:
    count = len(done)
    good = [trial for trial in done if trial.latent >= WANTED]
    sure = [trial for trial in done if trial.confidence >= CONFIDENT]
    right = sum(trial.latent >= WANTED for trial in sure)
    fooled = sum(trial.absent >= CONFIDENT for trial in done)
    means = [sum(getattr(trial, name) for trial in done) / count for name in ("map_latent", "pixels", "latent")]
    cells = [*(f"{mean:.2f}" for mean in means), f"{len(good) / count:.0%}"]
    return f"| {' | '.join([motion, *cells, f'{right} of {len(sure)}', f'{fooled} of {count}'])} |"


def main() -> None:
    """Command line of the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("motions", nargs="*", default=list(MOTIONS))
    parser.add_argument("--encoder", type=Path, default=ENCODER, help="folder of the image encoder")
    parser.add_argument("--scenes", type=int, default=24, help="for each motion")
    options = parser.parse_args()
    encoder = ImageEncoder.load(options.encoder)
    print(HEAD, "|---|---|---|---|---|---|---|", sep="\n")  # noqa: T201
    for motion in options.motions:
        print(_row(motion, trials(encoder, motion, options.scenes)), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
