"""Pretrains `nano`, the embedded base, on generated clips: `python -m engine.pretraining.nano --minutes 60`.

Run again it goes on where it stopped: weights, averages, optimiser and step lie in the work folder. Most of the time
goes to pairs of frames, the first and one other, so that many different pictures are seen; then whole clips follow. The
learning rate is constant and falls to zero over the last part of the time.

Drawing keeps one core busy for a third of the time; processes that share the clips of a step keep all cores busy:
`torchrun --nproc-per-node 2 -m engine.pretraining.nano --compile`.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import UNetMotionModel
from safetensors.torch import load_file, save_file
from torch import Tensor, distributed, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from engine.bases.motion_autoencoder import MotionAutoencoder
from engine.pretraining.examples import CONDITIONS, FRAMES, Example, draw_example
from engine.pretraining.network import SCHEDULE, Pretraining, labelling_loss
from engine.sampling.schedule import schedule_of

GOLDEN = 0.6180339887
"""Multiples of it, their whole parts left out, fill [0, 1) evenly."""
LABELLING = 0.1
"""Weight of the labelling's loss beside the clip's."""
MOTION_WEIGHT = 2.0
"""Of an error in the motion, an error in the picture weighing 1."""


@dataclass(frozen=True)
class Plan:
    """How long, and how the time is used."""

    seconds: float
    pairs_share: float = 0.83
    cooldown_share: float = 0.35
    learning_rate: float = 4e-4
    warmup_steps: int = 100
    frames_a_step: int = 32

    def rate(self, step: int, spent: float) -> float:
        """Learning rate: warm-up, constant, and a fall to zero as the square root of what is left."""
        left = max(0.0, (self.seconds - spent) / (self.cooldown_share * self.seconds))
        return self.learning_rate * min(1.0, (step + 1) / self.warmup_steps, math.sqrt(left))

    def shown(self, step: int, spent: float) -> tuple[int, ...]:
        """Which frames of each clip are shown in a step: the first and one that changes, later all."""
        if spent >= self.pairs_share * self.seconds:
            return tuple(range(FRAMES))
        return 0, 1 + int(step * GOLDEN % 1 * (FRAMES - 1))


@dataclass(frozen=True)
class Processes:
    """The processes that share the clips of a step."""

    rank: int = 0
    count: int = 1

    @classmethod
    def joined(cls) -> Processes:
        """Those that torchrun has started, or this one alone."""
        if "WORLD_SIZE" not in os.environ:
            return cls()
        distributed.init_process_group("gloo")
        return cls(distributed.get_rank(), distributed.get_world_size())

    def average(self, tensors: list[Tensor]) -> None:
        """Replace each tensor by its mean over all processes."""
        if self.count == 1:
            return
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        distributed.all_reduce(flat)
        for tensor, mean in zip(tensors, (flat / self.count).split([t.numel() for t in tensors]), strict=True):
            tensor.copy_(mean.view_as(tensor))


class Run:
    """A pretraining that can be stopped and gone on with."""

    def __init__(self, folder: Path, plan: Plan, processes: Processes = Processes()) -> None:
        self.folder, self.plan, self.processes = folder, plan, processes
        torch.manual_seed(0)
        self.model = Pretraining()
        self.average = {name: value.detach().clone() for name, value in self.model.state_dict().items()}
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=0.01, fused=True
        )
        self.autoencoder = MotionAutoencoder()
        self.schedule = schedule_of(SCHEDULE)
        self.step, self.spent = 0, 0.0

    def examples(self, shown: tuple[int, ...]) -> list[Example]:
        """This process's clips of this step."""
        count = max(1, self.plan.frames_a_step // len(shown))
        mine = range(self.processes.rank, max(count, self.processes.count), self.processes.count)
        return [draw_example((self.step * 16 + index) * 2 + 10, shown) for index in mine]

    def loss(self, examples: list[Example], shown: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        """Error of the clean clip, and of the labelling.

        Frame 0 is given clean in nineteen of twenty steps and then left out. Timesteps are drawn in proportion to their
        cubes: under strong noise the photo alone says what moves. A clip counts less the more of it moves, so that
        small things count as much as skies; a photo shows how much that is, so no clip is taken for likelier by it.
        """
        pixels, origins = (torch.stack(parts) for parts in zip(*((e.frames, e.origin) for e in examples), strict=True))
        latents = self.autoencoder.encode_moving(pixels, origins).contiguous()
        conditions = torch.stack([example.weights for example in examples])
        generator = torch.Generator().manual_seed(self.step * self.processes.count + self.processes.rank)
        count = len(latents)
        spread = (torch.arange(count) + torch.rand((), generator=generator)) / count
        timestep = self.schedule.timestep_at(((spread + self.step * GOLDEN) % 1) ** 0.25)
        noise = torch.randn(latents.shape, generator=generator)
        noisy = self.schedule.add_noise(latents, noise, timestep)
        given = bool(torch.rand((), generator=generator) < 0.95)
        if given:
            noisy[:, :, 0] = latents[:, :, 0]
        autocast = torch.autocast("cpu", dtype=torch.bfloat16)
        with autocast, sdpa_kernel(SDPBackend.MATH), self.model.frames_shown(shown):
            predicted, labels = self.model(noisy, timestep, conditions)
        error = (predicted.float() - self.schedule.target(latents, noise, timestep)) ** 2
        error = _weighted(error, latents)[:, :, int(given) :].mean()
        return error, labelling_loss(labels, torch.stack([example.present for example in examples]))

    def take_step(self) -> tuple[float, float]:
        """One update; gives the losses of clips and of labels."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.plan.rate(self.step, self.spent)
        shown = self.plan.shown(self.step, self.spent)
        clip_loss, label_loss = self.loss(self.examples(shown), shown)
        (clip_loss + LABELLING * label_loss).backward()
        self.processes.average([p.grad for p in self.model.parameters() if p.grad is not None])
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        keep = min(0.999, (self.step + 1) / (self.step + 20))
        with torch.no_grad():
            state = self.model.state_dict()
            torch._foreach_lerp_([self.average[n] for n in state], list(state.values()), 1 - keep)
        self.step += 1
        return float(clip_loss.detach()), float(label_loss.detach())

    def save(self) -> None:
        """Everything needed to go on, written to a temporary name and renamed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        tensors = {f"model.{n}": v.contiguous() for n, v in self.model.state_dict().items()}
        tensors |= {f"average.{n}": v.contiguous() for n, v in self.average.items()}
        for index, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{n}": v.reshape(1) if v.ndim == 0 else v for n, v in state.items()}
        fresh = self.folder / "state.new"
        save_file(tensors, fresh, {"step": str(self.step), "spent": str(self.spent)})
        fresh.replace(self.folder / "state.safetensors")

    def resume(self) -> None:
        """Go on from what `save` left, if there is something."""
        from safetensors import safe_open

        path = self.folder / "state.safetensors"
        if not path.exists():
            return
        tensors = load_file(path)
        with safe_open(path, "pt") as file:
            facts = file.metadata()
        self.step, self.spent = int(facts["step"]), float(facts["spent"])
        self.model.load_state_dict({n.removeprefix("model."): v for n, v in tensors.items() if n.startswith("model.")})
        self.average = {n.removeprefix("average."): v.clone() for n, v in tensors.items() if n.startswith("average.")}
        layout = self.optimiser.state_dict()
        for name, value in tensors.items():
            if name.startswith("optimiser."):
                _, index, key = name.split(".")
                layout["state"].setdefault(int(index), {})[key] = value.reshape(()) if key == "step" else value
        self.optimiser.load_state_dict(layout)

    def start_from(self, base: Path) -> None:
        """Take the weights of an exported base, and the condition rows it has; step, time and optimiser begin anew."""
        self.model.denoiser.load_state_dict(UNetMotionModel.from_pretrained(base / "unet").state_dict())
        for name, row in load_file(base / "condition.safetensors").items():
            if name in CONDITIONS:
                self.model.conditions.data[CONDITIONS.index(name)] = row[0].float()
        self.average = {name: value.detach().clone() for name, value in self.model.state_dict().items()}

    def go(self) -> None:
        """Train until the planned time is spent; a line every 20 steps, a state every 200."""
        self.resume()
        losses: list[tuple[float, float]] = []
        while self.spent < self.plan.seconds:
            began = time.monotonic()
            losses.append(self.take_step())
            spent = torch.tensor([self.spent + time.monotonic() - began], dtype=torch.float64)
            self.processes.average([spent])
            self.spent = float(spent)
            if self.step % 20 == 0 and self.processes.rank == 0:
                self._report(*(sum(kind) / len(losses) for kind in zip(*losses, strict=True)))
                losses.clear()
            if self.step % 200 == 0 and self.processes.rank == 0:
                self.save()
        if self.processes.rank == 0:
            self.save()

    def _report(self, clips: float, labels: float) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        facts = {
            "step": self.step,
            "loss": round(clips, 5),
            "labels": round(labels, 5),
            "minutes": round(self.spent / 60, 2),
            "frames": len(self.plan.shown(self.step, self.spent)),
        }
        with (self.folder / "log.jsonl").open("a") as log:
            log.write(json.dumps(facts) + "\n")


def _weighted(error: Tensor, latents: Tensor) -> Tensor:
    """Errors b c f h w, weighted by channel and by clip."""
    channels = torch.ones(latents.shape[1])
    channels[MotionAutoencoder.picture_channels :] = MOTION_WEIGHT
    area = (latents[:, :, 1:] != 0).any(1).float().mean((1, 2, 3))
    clips = (0.15 / (area + 0.03)).clamp(0.7, 2.0)
    return error * channels[:, None, None, None] * clips[:, None, None, None, None]


def main() -> None:
    """Command line of the pretraining."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="training time in all, resumed runs included")
    parser.add_argument("--work", type=Path, default=Path(".pretraining/nano"), help="folder of the run's state")
    parser.add_argument("--start-from", type=Path, metavar="BASE", help="folder of an exported base to begin with")
    parser.add_argument("--compile", action="store_true", help="compile the network first: two minutes, then faster")
    options = parser.parse_args()
    run = Run(options.work, Plan(options.minutes * 60), Processes.joined())
    if options.start_from:
        run.start_from(options.start_from)
    if options.compile:
        run.model.denoiser.compile(dynamic=False)
    run.go()


if __name__ == "__main__":
    main()
