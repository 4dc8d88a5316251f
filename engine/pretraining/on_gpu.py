"""Pretrains `nano` and its image encoder together on a GPU: `python -m engine.pretraining.on_gpu --minutes 10 -o DIR`.

It begins with a base and goes on from it. All cores but two draw clips and pictures all the time; the GPU shows each
several times. The encoder learns first; for the rest of the time it stays as it will be stored, so that the denoiser
knows it as it is.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from engine.bases.base_folder import IMAGE_ENCODER, base_folder
from engine.bases.image_encoder import ImageEncoder
from engine.bases.motion_autoencoder import MotionAutoencoder
from engine.bases.patch_autoencoder import BLOCK
from engine.pretraining.examples import FRAMES, draw_example
from engine.pretraining.export import export
from engine.pretraining.image_encoder import as_stored, draw_picture, losses
from engine.pretraining.nano import Plan, Run
from engine.pretraining.processes import ALONE
from engine.pretraining.supply import Drawn, Memory, Supply
from engine.pretraining.training_state import TrainingState

if TYPE_CHECKING:
    from torch import Tensor

WHOLE_CLIP = tuple(range(FRAMES))
ENCODED_AT_ONCE = 32
LEVELS = 127.5
"""Of an 8-bit pixel, for 1 in [-1, 1]."""
FIRST_CLIP, FIRST_PICTURE = 20_000_000, 40_000_000
"""Seeds far from those of clips for starters and of clips that are held out."""
DENOISER_SLOWNESS, ENCODER_SLOWNESS = 0.998, 0.998


@dataclass(frozen=True)
class Amounts:
    """How much is drawn, kept and shown."""

    clips_a_step: int = 64
    pictures_a_step: int = 128
    clip_processes: int = 10
    picture_processes: int = 4
    kept_clips: int = 90_000
    kept_pictures: int = 90_000
    first_clips: int = 1024
    """Drawn before the first step."""
    encoder_share: float = 0.6
    """Of the time, in which the image encoder learns."""
    encoder_rate: float = 8e-4
    printed_every: int = 50

    @classmethod
    def for_cores(cls, cores: int) -> Amounts:
        """With a drawing process for each core but two, a third of them for pictures."""
        drawing = max(2, cores - 2)
        return cls(clip_processes=drawing - drawing // 3, picture_processes=max(1, drawing // 3))


class Together:
    """A denoiser and its image encoder in training on one device.

    Args:
        base: folder of what to begin with.
        seconds: how long, counted from now.
        amounts: of examples.
        device: where everything is.
    """

    def __init__(self, base: Path, seconds: float, amounts: Amounts, device: torch.device) -> None:
        self.began, self.amounts, self.device = time.monotonic(), amounts, device
        self._clips = Supply(draw_clip_of_bytes, processes=amounts.clip_processes, first_seed=FIRST_CLIP)
        self._pictures = Supply(draw_picture_of_bytes, processes=amounts.picture_processes, first_seed=FIRST_PICTURE)
        self.clips = Memory(amounts.kept_clips, device)
        self.pictures = Memory(amounts.kept_pictures, device)
        encoder = ImageEncoder.load(base / IMAGE_ENCODER).to(device).train().requires_grad_()
        optimiser = torch.optim.AdamW(encoder.parameters(), betas=(0.9, 0.98), weight_decay=0.02, fused=True)
        self.encoder = TrainingState(encoder, optimiser, slowness=ENCODER_SLOWNESS)
        self.seen = ImageEncoder.load(base / IMAGE_ENCODER).to(device)
        self.seen.load_state_dict(self.encoder.average, assign=True)
        self.run = Run(base, Plan(seconds), self.seen, device=device)
        self.run.start_from(base)
        self.run.state.slowness = DENOISER_SLOWNESS
        self._autoencoder = MotionAutoencoder()
        self._encoder_learns = True

    @property
    def spent(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self.began

    def gather(self) -> None:
        """Keep what has been drawn in the meantime."""
        while (drawn := self._clips.take(ENCODED_AT_ONCE)) is not None:
            frames, cells, conditions = (part.to(self.device) for part in drawn)
            self.clips.put((encoded(self._autoencoder, frames, cells), conditions))
        while (drawn := self._pictures.take(ENCODED_AT_ONCE)) is not None:
            self.pictures.put(drawn)

    def take_step(self) -> tuple[Tensor, ...]:
        """One update of each; gives the losses of the denoiser, of labels and of motions."""
        encoder_time = self.amounts.encoder_share * self.run.plan.seconds
        if self._encoder_learns and self.spent >= encoder_time:
            self._encoder_learns = False
            self.seen.load_state_dict(as_stored(self.encoder.average).state_dict())
        about_pictures = self._learn_pictures(encoder_time) if self._encoder_learns else ()
        latents, conditions = self.clips.draw(self.amounts.clips_a_step)
        loss = self.run.loss(latents.float(), conditions.float(), WHOLE_CLIP)
        self.run.state.update(loss, self.run.plan.rate(self.run.state.step, self.spent), ALONE)
        return loss.detach(), *about_pictures

    def _learn_pictures(self, seconds: float) -> tuple[Tensor, Tensor]:
        pixels, labels, motions = self.pictures.draw(self.amounts.pictures_a_step)
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
            said = self.encoder.model(pixels.float() / LEVELS - 1)
        labelling, moving = losses(said, labels, motions)
        rate = self.amounts.encoder_rate * min(1.0, (self.encoder.step + 1) / 100, 1 - self.spent / seconds)
        self.encoder.update(labelling + moving, rate, ALONE)
        return labelling.detach(), moving.detach()

    def go(self, folder: Path) -> None:
        """Train for the time given; a line of `log.jsonl` now and then, the base near the end and at the end."""
        amounts, seconds = self.amounts, self.run.plan.seconds
        while min(self.clips.held, self.pictures.held) < amounts.first_clips:
            time.sleep(0.1)
            self.gather()
        recent: list[tuple[Tensor, ...]] = []
        saved = False
        while self.spent < seconds:
            self.gather()
            recent.append(self.take_step())
            if len(recent) == amounts.printed_every:
                self._report(folder, recent)
                recent = []
            if not saved and self.spent > 0.8 * seconds:
                self.save(folder / "nano")
                saved = True
        self._clips.close()
        self._pictures.close()
        self.save(folder / "nano")

    def save(self, base: Path) -> None:
        """Write the averages as a base."""
        export(self.run.state.average, as_stored(self.encoder.average), base)

    def _report(self, folder: Path, recent: list[tuple[Tensor, ...]]) -> None:
        names = ("loss", "labels", "motions")
        facts: dict[str, float] = {"step": self.run.state.step, "seconds": round(self.spent, 1)}
        for name, values in zip(names, zip(*(entry for entry in recent), strict=False), strict=False):
            facts[name] = round(float(torch.stack(values).mean()), 5)
        facts |= {"clips": self.clips.held, "pictures": self.pictures.held}
        folder.mkdir(parents=True, exist_ok=True)
        line = json.dumps(facts)
        with (folder / "log.jsonl").open("a") as log:
            log.write(line + "\n")
        print(line, flush=True)  # noqa: T201


def encoded(autoencoder: MotionAutoencoder, frames: Tensor, cells: Tensor) -> Tensor:
    """Latents of clips whose motion is known for each cell.

    Args:
        autoencoder: of the base.
        frames: b 3 f h w, 8 bits.
        cells: b 2 f h4 w4, pixels.
    """
    origin = cells.float().repeat_interleave(BLOCK, -2).repeat_interleave(BLOCK, -1)
    return autoencoder.encode_moving(frames.float() / LEVELS - 1, origin)


def draw_clip_of_bytes(seed: int) -> Drawn:
    """A whole clip in 8 bits, the motion of its cells in pixels, and the weights of its conditions."""
    example = draw_example(seed)
    return _bytes_of(example.frames), F.avg_pool3d(example.origin, (1, BLOCK, BLOCK)).half(), example.weights


def draw_picture_of_bytes(seed: int) -> Drawn:
    """A picture in 8 bits, and what is to say about it."""
    picture = draw_picture(seed)
    return _bytes_of(picture.pixels), picture.labels.half(), picture.motions.half()


def _bytes_of(pixels: Tensor) -> Tensor:
    return ((pixels + 1) * LEVELS).round().clamp(0, 255).to(torch.uint8)


def main() -> None:
    """Command line of the pretraining on a GPU."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="time in all, from the start of the command")
    parser.add_argument("--start-from", type=Path, metavar="BASE", default=base_folder("nano"), help="a base's folder")
    parser.add_argument("-o", "--to", type=Path, required=True, help="folder of the log and of the base `nano`")
    parser.add_argument("--device", default="cuda", help="torch's name of the device (cuda)")
    parser.add_argument("--compile", action="store_true", help="compile the network first")
    options = parser.parse_args()
    amounts = Amounts.for_cores(os.cpu_count() or 1)
    together = Together(options.start_from, options.minutes * 60, amounts, torch.device(options.device))
    if options.compile:
        together.run.model.denoiser.compile(dynamic=False)
    together.go(options.to)


if __name__ == "__main__":
    main()
