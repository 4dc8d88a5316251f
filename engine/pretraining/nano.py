"""Pretrains `nano`, the embedded base, on generated clips: `python -m engine.pretraining.nano --minutes 60`.

Its image encoder comes first: `python -m engine.pretraining.image_encoder`.

Run again it goes on where it stopped: weights, averages, optimiser and step lie in the work folder. Most of the time
goes to pairs of frames, the first and one other, so that many different pictures are seen; then whole clips follow. The
learning rate is constant and falls to zero over the last part of the time.

Drawing keeps one core busy for a third of the time; processes that share the clips of a step keep all cores busy:
`torchrun --nproc-per-node 2 -m engine.pretraining.nano --compile`. On a GPU: `python -m engine.pretraining.on_gpu`.
"""

from __future__ import annotations

import argparse
import json
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from diffusers import UNetMotionModel
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from engine.bases.motion_autoencoder import MotionAutoencoder
from engine.bases.photo_view import PhotoView
from engine.pretraining.examples import CONDITIONS, FRAMES, Example, draw_example
from engine.pretraining.image_encoder import trained_encoder
from engine.pretraining.network import SCHEDULE, Pretraining
from engine.pretraining.processes import ALONE, Processes
from engine.pretraining.training_state import TrainingState
from engine.sampling.schedule import schedule_of

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from engine.bases.image_encoder import ImageEncoder

CPU = torch.device("cpu")
GOLDEN = 0.6180339887
"""Multiples of it, their whole parts left out, fill [0, 1) evenly."""
MOTION_WEIGHT = 2.0
"""Of an error in the motion, an error in the picture weighing 1."""
USUAL_MOTION, LEAST_MOTION = 0.15, 0.03
"""Mean weighted square of a clip's latents after frame 0; and what is added to it, for clips that hardly move."""
MOST_FOR_LITTLE_NOISE = 5.0
OUTPUT = ("conv_out.weight", "conv_out.bias")


@dataclass(frozen=True)
class Plan:
    """How long, and how the time is used."""

    seconds: float
    pairs_share: float = 0.8
    whole_clip_every: int = 4
    cooldown_share: float = 0.7
    learning_rate: float = 4e-4
    warmup_steps: int = 100
    frames_a_step: int = 32
    steps_before: int = 0
    """Of the run whose base this one starts from; their clips are not shown again."""

    def rate(self, step: int, spent: float) -> float:
        """Learning rate: warm-up, constant, and an even fall to zero."""
        left = max(0.0, (self.seconds - spent) / (self.cooldown_share * self.seconds))
        return self.learning_rate * min(1.0, (step + 1) / self.warmup_steps, left)

    def shown(self, step: int, spent: float) -> tuple[int, ...]:
        """Frames that are shown of each clip in a step: the first and one that changes, or all; later always all."""
        if spent >= self.pairs_share * self.seconds or step % self.whole_clip_every == self.whole_clip_every - 1:
            return tuple(range(FRAMES))
        return 0, 1 + int(step * GOLDEN % 1 * (FRAMES - 1))


class Run:
    """A pretraining that can be stopped and gone on with.

    Args:
        folder: of its state.
        plan: how long, and how.
        image_encoder: trained; it stays as it is.
        processes: that share the clips of a step.
        device: of the network and of the clips it is shown.
    """

    def __init__(
        self,
        folder: Path,
        plan: Plan,
        image_encoder: ImageEncoder,
        processes: Processes = ALONE,
        device: torch.device = CPU,
    ) -> None:
        self.folder, self.plan, self.processes, self.device = folder, plan, processes, device
        torch.manual_seed(0)
        self.autoencoder = MotionAutoencoder()
        self.model = Pretraining(PhotoView(self.autoencoder, image_encoder)).to(device)
        optimiser = torch.optim.AdamW(
            self.model.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=0.01, fused=True
        )
        self.state = TrainingState(self.model, optimiser, slowness=0.997)
        self.schedule = schedule_of(SCHEDULE)

    def examples(self, shown: tuple[int, ...]) -> list[Example]:
        """This process's clips of this step."""
        step = self.plan.steps_before + self.state.step
        count = max(1, self.plan.frames_a_step // len(shown))
        mine = range(self.processes.rank, max(count, self.processes.count), self.processes.count)
        return [draw_example((step * 16 + index) * 2 + 10, shown) for index in mine]

    def clips(self, examples: list[Example]) -> tuple[Tensor, Tensor]:
        """Latents of examples, b c f h w, and the weights of their conditions, b m."""
        pixels, origins = (torch.stack(parts) for parts in zip(*((e.frames, e.origin) for e in examples), strict=True))
        latents = self.autoencoder.encode_moving(pixels, origins).contiguous()
        return latents, torch.stack([example.weights for example in examples])

    def loss(self, latents: Tensor, conditions: Tensor, shown: tuple[int, ...]) -> Tensor:
        """Error of the clean clip; frame 0 is given.

        Timesteps are drawn evenly: under strong noise the photo alone says what moves, and a third of the schedule is
        that; which way a wing beats next is decided where noise begins to show motion.

        Args:
            latents: b c f h w.
            conditions: b m, weights of the rows of conditions.
            shown: places of the frames in a whole clip.
        """
        step, processes = self.state.step, self.processes
        seed = step * processes.count + processes.rank
        generator = torch.Generator().manual_seed(seed)
        count = len(latents)
        spread = (torch.arange(count) + torch.rand((), generator=generator)) / count
        timestep = self.schedule.timestep_at((spread + step * GOLDEN) % 1)
        if self.device.type != "cpu":
            generator = torch.Generator(self.device).manual_seed(seed)
        noise = torch.randn(latents.shape, generator=generator, device=self.device)
        noisy = self.schedule.add_noise(latents, noise, timestep)
        noisy[:, :, 0] = latents[:, :, 0]
        with torch.autocast(self.device.type, dtype=torch.bfloat16), self._attention(), self.model.frames_shown(shown):
            predicted = self.model(noisy, timestep.to(self.device), conditions)
        error = (predicted.float() - self.schedule.target(latents, noise, timestep)) ** 2
        return (error * _weights(latents, *self.schedule.factors(timestep)))[:, :, 1:].mean()

    def _attention(self) -> AbstractContextManager[None]:
        """On two cores, short sequences go faster through plain matrix products."""
        return sdpa_kernel(SDPBackend.MATH) if self.device.type == "cpu" else nullcontext()

    def take_step(self) -> float:
        """One update; gives the loss."""
        shown = self.plan.shown(self.state.step, self.state.spent)
        loss = self.loss(*self.clips(self.examples(shown)), shown)
        self.state.update(loss, self.plan.rate(self.state.step, self.state.spent), self.processes)
        return float(loss.detach())

    def start_from(self, base: Path) -> None:
        """Take the weights of an exported base, and the condition rows it has; step, time and optimiser begin anew.

        See `widened` for a base that sees less of the photo, or has no gates.
        """
        weights = UNetMotionModel.from_pretrained(base / "unet").float().to(self.device).state_dict()
        self.model.denoiser.load_state_dict(widened(weights, self.model.denoiser.state_dict()))
        for name, row in load_file(base / "condition.safetensors").items():
            if name in CONDITIONS:
                self.model.conditions.data[CONDITIONS.index(name)] = row[0].float().to(self.device)
        self.state.begin_average()

    def go(self) -> None:
        """Train until the planned time is spent; a line every 20 steps, a state every 200."""
        state = self.state
        state.resume(self.folder)
        losses: list[float] = []
        while state.spent < self.plan.seconds:
            began = time.monotonic()
            losses.append(self.take_step())
            spent = torch.tensor([state.spent + time.monotonic() - began], dtype=torch.float64)
            self.processes.average([spent])
            state.spent = float(spent)
            if state.step % 20 == 0 and self.processes.rank == 0:
                self._report(sum(losses) / len(losses))
                losses.clear()
            if state.step % 200 == 0 and self.processes.rank == 0:
                state.save(self.folder)
        if self.processes.rank == 0:
            state.save(self.folder)

    def _report(self, loss: float) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        facts = {
            "step": self.state.step,
            "loss": round(loss, 5),
            "minutes": round(self.state.spent / 60, 2),
            "frames": len(self.plan.shown(self.state.step, self.state.spent)),
        }
        with (self.folder / "log.jsonl").open("a") as log:
            log.write(json.dumps(facts) + "\n")


def widened(weights: dict[str, Tensor], own: dict[str, Tensor]) -> dict[str, Tensor]:
    """A denoiser's weights, with `own` in what it has not: what it did not see counts nothing, its gates are closed."""
    missing = own["conv_in.weight"].shape[1] - weights["conv_in.weight"].shape[1]
    outputs = {name: torch.cat([weights[name], own[name][len(weights[name]) :]]) for name in OUTPUT}
    return {**weights, **outputs, "conv_in.weight": F.pad(weights["conv_in.weight"], (0, 0, 0, 0, 0, missing))}


def _weights(latents: Tensor, signal: Tensor, noise: Tensor) -> Tensor:
    """Of squared errors b c f h w, in clips noised by factors `signal` and `noise`.

    A clip counts less the more moves in it, for the sake of a hand on a guitar beside a sky. Errors count more the less
    noise there is, since fewer of them can not be helped.

    Source: Karras et al. 2022 (arXiv 2206.00364), on equal effective loss weights over noise levels.
    """
    channels = torch.ones(latents.shape[1], device=latents.device)
    channels[MotionAutoencoder.picture_channels :] = MOTION_WEIGHT
    channels = channels[:, None, None, None]
    moving = (latents[:, :, 1:].square() * channels).mean((1, 2, 3, 4))
    clips = (USUAL_MOTION / (moving + LEAST_MOTION)).sqrt()
    levels = (1 + (signal / noise).square()).clamp(max=MOST_FOR_LITTLE_NOISE).float().to(latents.device)
    return channels * (clips * levels)[:, None, None, None, None]


def main() -> None:
    """Command line of the pretraining."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="training time in all, resumed runs included")
    parser.add_argument("--work", type=Path, default=Path(".pretraining/nano"), help="folder of the run's state")
    parser.add_argument("--start-from", type=Path, metavar="BASE", help="folder of an exported base to begin with")
    parser.add_argument("--steps-before", type=int, default=0, help="of the run that made that base")
    parser.add_argument("--compile", action="store_true", help="compile the network first: two minutes, then faster")
    parser.add_argument(
        "--encoder", type=Path, default=Path(".pretraining/image_encoder"), help="folder of the encoder's pretraining"
    )
    options = parser.parse_args()
    encoder = trained_encoder(options.encoder)
    run = Run(options.work, Plan(options.minutes * 60, steps_before=options.steps_before), encoder, Processes.joined())
    if options.start_from:
        run.start_from(options.start_from)
    if options.compile:
        run.model.denoiser.compile(dynamic=False)
    run.go()


if __name__ == "__main__":
    main()
