"""How much of each motion a base finds in a photo alone: `python -m engine.pretraining.explained` prints a table.

The base is asked once, at pure noise, with the row of its condition table that names the motion. Its answer is the mean
of the clips that it takes for possible; what is compared is the share of the motion's energy that this mean explains,
against standing still: 1 would be all of it, 0 is no better than a still clip. Speeds and phases that a photo does not
show keep it below 1, so it says how far a training has come and not how good clips look.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from engine.bases.base_folder import base_folder
from engine.bases.catalog import load_base
from engine.bases.motion_autoencoder import MotionAutoencoder
from engine.device import draw_noise
from engine.pretraining.examples import CANVAS, FPS, MOTIONS
from engine.pretraining.scenes.catalog import draw_clip

if TYPE_CHECKING:
    from torch import Tensor

FIRST_SEED = 700_001
"""Odd, as those of starters' clips, and far from both."""
FRAMES = 8


def explained(base: Path, motion: str, *, clips: int) -> float | None:
    """Share of the energy of a motion's latents that the base's answer explains; None where nothing has moved.

    Args:
        base: folder of a base of `nano`'s kind.
        motion: one that it was taught.
        clips: how many held-out ones.
    """
    loaded = load_base(base, device=torch.device("cpu"), dtype=torch.float32, condition=motion)
    moves = slice(MotionAutoencoder.picture_channels, None)
    missed, energy = 0.0, 0.0
    for index in range(clips):
        true, noisy = _example(motion, FIRST_SEED + 2 * index)
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
            found = loaded.predict(noisy, torch.tensor([999.0]))
        missed += float((found - true)[:, moves, 1:].square().sum())
        energy += float(true[:, moves, 1:].square().sum())
    return 1 - missed / energy if energy else None


def _example(motion: str, seed: int) -> tuple[Tensor, Tensor]:
    clip = draw_clip(seed, motion, CANVAS, frames=FRAMES, fps=FPS)
    pixels, origin = clip.frames.transpose(0, 1)[None], clip.origin.transpose(0, 1)[None]
    true = MotionAutoencoder().encode_moving(pixels, origin)
    noise = draw_noise(tuple(true.shape[1:]), seed=seed)[None]
    return true, torch.cat([true[:, :, :1], noise[:, :, 1:]], 2)


def main() -> None:
    """Command line of the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("motions", nargs="*", default=list(MOTIONS))
    parser.add_argument("--base", type=Path, default=base_folder("nano"), help="folder of the base")
    parser.add_argument("--clips", type=int, default=16, help="held-out clips for each motion")
    options = parser.parse_args()
    for motion in options.motions:
        share = explained(options.base, motion, clips=options.clips)
        print(f"| {motion} | {'nothing moves' if share is None else f'{share:.2f}'} |", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
