"""How well masks are found without a download, on drawn scenes: `python -m engine.pretraining.quality.masks`.

Held-out scenes of each motion with one or two other things that could move; the subject takes at least `LEAST_SHARE` of
the picture. Soft IoU: the sum of minima over the sum of maxima, of pixels and of the latent grid.
"""

from __future__ import annotations

import argparse
import itertools
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
from engine.pretraining.examples import CANVAS, FPS
from engine.pretraining.scenes.catalog import draw_clip
from engine.pretraining.starter_clips import still_things
from engine.video.clip_tensor import to_frames

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

MOTIONS: Final = ("birds-flying", "fireworks", "horse-running")
FIRST_SEED: Final = 900_001
LEAST_SHARE: Final = 0.02
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


def scenes(motion: str, count: int) -> Iterator[tuple[NDArray[np.uint8], Tensor, frozenset[str]]]:
    """First frames `h w 3`, their exact masks `h w`, and the names of all that is in them."""
    found = 0
    for seed in itertools.count(FIRST_SEED, 2):
        others = still_things(seed, 1 + found % 2, without=motion)
        clip = draw_clip(seed, motion, CANVAS, frames=1, fps=FPS, others=others)
        mask = clip.mask[0, 0]
        if float((mask > 0.5).float().mean()) >= LEAST_SHARE:
            found += 1
            yield to_frames(clip.frames.transpose(0, 1))[0], mask, frozenset((motion, *others))
        if found == count:
            return


def trials(encoder: ImageEncoder, motion: str, count: int) -> list[Trial]:
    """What the encoder and the cut find of one motion."""
    done = []
    for pixels, exact, there in scenes(motion, count):
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
