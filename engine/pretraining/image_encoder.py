"""Pretrains `nano`'s image encoder on generated pictures: `python -m engine.pretraining.image_encoder --minutes 45`.

It learns what a denoiser wants to know of a photo: which thing that could move is where, and where everything would be
from if all of them moved, a quarter of a second and a second on. Run again it goes on where it stopped; `torchrun
--nproc-per-node 2 -m engine.pretraining.image_encoder` keeps two cores busy.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

from engine.bases.image_encoder import ImageEncoder
from engine.bases.motion_autoencoder import motion_of_cells
from engine.pretraining.examples import CANVAS, LABELLED, labels_of
from engine.pretraining.processes import ALONE, Processes
from engine.pretraining.scenes.catalog import ELEMENTS, draw_scene
from engine.pretraining.scenes.draws import Draws
from engine.pretraining.training_state import STATE_NAME, TrainingState, averaged

if TYPE_CHECKING:
    from jaxtyping import Float

SECONDS = (0.25, 1.0)
"""When motions are asked for: soon, while a stride and a wing beat go on as seen, and later, when drifts are large."""
MOTIONS = 2 * len(SECONDS) + 1
"""Motions at `SECONDS` in units of latents, and how far things move, whatever their direction."""
FOUND = 5.0
"""Weight of a place that holds a thing, in the labelling."""
PICTURES_A_STEP = 32
LEARNING_RATE, WARMUP_STEPS, COOLDOWN_SHARE = 2e-3, 50, 0.6
PRINTED, SAVED = 25, 500


@dataclass(frozen=True)
class Picture:
    """A picture, and what is to say about each of its cells.

    Args:
        pixels: in [-1, 1].
        labels: share of each cell that each of `LABELLED` covers.
        motions: of each cell at `SECONDS`, and its mean length.
    """

    pixels: Float[Tensor, "3 h w"]
    labels: Float[Tensor, "n h4 w4"]
    motions: Float[Tensor, "m h4 w4"]


def draw_picture(seed: int) -> Picture:
    """A random picture of up to three things; half are mirrored, and light and colour vary."""
    draws = Draws(seed)
    names = tuple({draws.choice(tuple(ELEMENTS)) for _ in range(draws.integer(0, 3))})
    clip = draw_scene(draws, CANVAS, names).clip(names, torch.tensor([0.0, *SECONDS]))
    pixels, labels, origins = clip.frames[0], labels_of(clip), clip.origin[1:]
    if draws.chance(0.5):
        pixels, labels, origins = (
            pixels.flip(-1),
            labels.flip(-1),
            origins.flip(-1) * torch.tensor([-1.0, 1.0])[:, None, None],
        )
    if draws.chance(0.5):
        gains = 1 + 0.15 * draws.normal(3)[:, None, None]
        pixels = ((pixels + 1) * gains - 1 + 0.1 * draws.normal(1)).clamp(-1, 1)
    motions = motion_of_cells(origins.transpose(0, 1)[None])[0].transpose(0, 1)
    lengths = motions.square().sum(1).sqrt().mean(0, keepdim=True)
    cells = F.adaptive_avg_pool2d(labels, (lengths.shape[-2], lengths.shape[-1]))
    return Picture(pixels, cells, torch.cat([motions.flatten(0, 1), lengths]))


def losses(said: tuple[Tensor, Tensor], labels: Tensor, motions: Tensor) -> tuple[Tensor, Tensor]:
    """Cross entropy of the labels, squared error of the motions; a thing found counts `FOUND` times.

    Args:
        said: by the encoder: logits of things b n h4 w4, and motions b m h4 w4.
        labels: what is true.
        motions: what is true.
    """
    found = torch.full((len(LABELLED), 1, 1), FOUND, device=labels.device)
    labelling = F.binary_cross_entropy_with_logits(said[0].float(), labels.float(), pos_weight=found)
    return labelling, F.mse_loss(said[1].float(), motions.float())


class Run:
    """A pretraining of the encoder that can be stopped and gone on with."""

    def __init__(self, folder: Path, seconds: float, processes: Processes = ALONE) -> None:
        self.folder, self.seconds, self.processes = folder, seconds, processes
        torch.manual_seed(0)
        model = ImageEncoder(len(LABELLED), MOTIONS)
        optimiser = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.98), weight_decay=0.02, fused=True)
        self.state = TrainingState(model, optimiser, slowness=0.995)

    def take_step(self) -> tuple[float, float]:
        """One update; gives the losses of labels and motions."""
        state, processes = self.state, self.processes
        mine = range(processes.rank, PICTURES_A_STEP, processes.count)
        pictures = [draw_picture(2 * (state.step * PICTURES_A_STEP + index)) for index in mine]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            said = state.model(torch.stack([picture.pixels for picture in pictures]))
        labels, motions = (torch.stack(true) for true in zip(*((p.labels, p.motions) for p in pictures), strict=True))
        labelling, moving = losses(said, labels, motions)
        left = (1 - state.spent / self.seconds) / COOLDOWN_SHARE
        rate = LEARNING_RATE * min(1.0, (state.step + 1) / WARMUP_STEPS, max(0.0, left))
        state.update(labelling + moving, rate, processes)
        return float(labelling.detach()), float(moving.detach())

    def go(self) -> None:
        """Train until the planned time is spent."""
        state = self.state
        state.resume(self.folder)
        recent: list[tuple[float, float]] = []
        while state.spent < self.seconds:
            began = time.monotonic()
            recent.append(self.take_step())
            spent = torch.tensor([state.spent + time.monotonic() - began], dtype=torch.float64)
            self.processes.average([spent])
            state.spent = float(spent)
            if self.processes.rank == 0 and state.step % PRINTED == 0:
                self._report(*(sum(kind) / len(recent) for kind in zip(*recent, strict=True)))
                recent.clear()
            if self.processes.rank == 0 and state.step % SAVED == 0:
                state.save(self.folder)
        if self.processes.rank == 0:
            state.save(self.folder)

    def _report(self, labelling: float, moving: float) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        facts = {
            "step": self.state.step,
            "labels": round(labelling, 5),
            "motions": round(moving, 5),
            "minutes": round(self.state.spent / 60, 2),
        }
        with (self.folder / "log.jsonl").open("a") as log:
            log.write(json.dumps(facts) + "\n")


def trained_encoder(folder: Path) -> ImageEncoder:
    """The encoder that a pretraining has left in `folder`, averaged, as exactly as it is stored in a base."""
    return as_stored(averaged(load_file(folder / STATE_NAME)))


def as_stored(weights: dict[str, Tensor]) -> ImageEncoder:
    """An encoder with these weights as exactly as a base stores them, frozen."""
    encoder = ImageEncoder(len(LABELLED), MOTIONS)
    encoder.load_state_dict({name: value.half().float() for name, value in weights.items()})
    return encoder.requires_grad_(requires_grad=False).eval()


def main() -> None:
    """Command line of the encoder's pretraining."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=45.0, help="training time in all, resumed runs included")
    parser.add_argument("--work", type=Path, default=Path(".pretraining/image_encoder"), help="folder of the state")
    options = parser.parse_args()
    Run(options.work, options.minutes * 60, Processes.joined()).go()


if __name__ == "__main__":
    main()
