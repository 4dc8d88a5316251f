"""Pretrains `nano`, the embedded base, on generated clips: `python -m engine.pretraining.nano --minutes 60`.

Run again it goes on where it stopped: weights, averages, optimiser and step lie in the work folder. The first part of
the time goes to clips of half the size, which cost a quarter; the learning rate is constant and falls to zero over the
last part of the time.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from diffusers import UNetMotionModel
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from engine.bases.patch_autoencoder import PatchAutoencoder
from engine.pretraining.scenes.canvas import Canvas
from engine.pretraining.scenes.catalog import CAMERAS, ELEMENTS, STILL, draw_clip, draw_scene, seconds_of
from engine.pretraining.scenes.draws import Draws

if TYPE_CHECKING:
    from jaxtyping import Float

CANVAS = Canvas(80, 128)
FRAMES, FPS = 16, 8.0
TOKENS, TOKEN_WIDTH = 4, 128
ABSENT = ("camera-zoom-out",)
"""Kept out of pretraining, so that an adapter for it shows what few clips can teach."""
MOTIONS = (STILL, *ELEMENTS, *(name for name in CAMERAS if name not in ABSENT))
TRAIN_STEPS, BETA_START, BETA_END = 1000, 0.00085, 0.012


def build_denoiser() -> UNetMotionModel:
    """The untrained network: 15.5 million parameters, three levels, spatial attention on the two lower ones."""
    return UNetMotionModel(
        in_channels=PatchAutoencoder.channels,
        out_channels=PatchAutoencoder.channels,
        block_out_channels=(64, 128, 192),
        down_block_types=("DownBlockMotion", "CrossAttnDownBlockMotion", "CrossAttnDownBlockMotion"),
        up_block_types=("CrossAttnUpBlockMotion", "CrossAttnUpBlockMotion", "UpBlockMotion"),
        layers_per_block=1,
        cross_attention_dim=TOKEN_WIDTH,
        num_attention_heads=(2, 4, 6),
        motion_num_attention_heads=(2, 4, 6),
        motion_max_seq_length=32,
        norm_num_groups=16,
        use_motion_mid_block=True,
    )


class Pretraining(nn.Module):
    """The network and its table of conditions: one row of tokens for each motion, the last for none."""

    def __init__(self) -> None:
        super().__init__()
        self.denoiser = build_denoiser()
        self.conditions = nn.Parameter(torch.randn(len(MOTIONS) + 1, TOKENS, TOKEN_WIDTH) * 0.5)

    def forward(self, noisy: Tensor, timestep: Tensor, weights: Float[Tensor, "b m"]) -> Tensor:
        """Predicted velocity; `weights` says how much of each row of conditions each clip gets."""
        tokens = torch.einsum("bm,mtd->btd", weights, self.conditions)
        tokens = tokens.repeat_interleave(noisy.shape[2], 0)
        return self.denoiser(noisy, timestep, tokens).sample


def signal_and_noise() -> tuple[Tensor, Tensor]:
    """Share of clean latents and of noise at each timestep; scaled-linear betas, as Stable Diffusion 1.5."""
    betas = torch.linspace(BETA_START**0.5, BETA_END**0.5, TRAIN_STEPS, dtype=torch.float64) ** 2
    signal = torch.cumprod(1 - betas, 0)
    return signal.sqrt().float(), (1 - signal).sqrt().float()


def draw_example(seed: int) -> tuple[Float[Tensor, "f 3 h w"], Float[Tensor, "m"]]:
    """A random clip and the condition that names what moves in it.

    One in six shows two motions at once; half of them also hold things that could move but do not.
    """
    draws = Draws(seed)
    weights = torch.zeros(len(MOTIONS) + 1)
    others = tuple({draws.choice(tuple(ELEMENTS)) for _ in range(draws.integer(0, 2))})
    motion = draws.choice(MOTIONS)
    if motion in ELEMENTS and draws.chance(1 / 6):
        moving = (motion, draws.choice(tuple(ELEMENTS)))
        scene = draw_scene(draws, CANVAS, (*moving, *others))
        clip = scene.clip(moving, seconds_of(FRAMES, FPS))
    else:
        clip = draw_clip(
            seed + 1, motion, CANVAS, frames=FRAMES, fps=FPS, others=tuple(o for o in others if o != motion)
        )
    shown = clip.motions or (STILL,)
    named = draws.chance(0.85)
    for name in shown if named else ():
        weights[MOTIONS.index(name)] = 1 / len(shown)
    weights[-1] = 0.0 if named else 1.0
    frames = clip.frames.flip(-1) if draws.chance(0.5) and motion not in CAMERAS else clip.frames
    return frames, weights


@dataclass(frozen=True)
class Plan:
    """How long, and how the time is used."""

    seconds: float
    half_size_share: float = 0.35
    cooldown_share: float = 0.3
    learning_rate: float = 8e-4
    warmup_steps: int = 200
    half_batch: int = 4
    full_batch: int = 1

    def rate(self, step: int, spent: float) -> float:
        """Learning rate: warm-up, constant, and a fall to zero as the square root of what is left."""
        left = max(0.0, (self.seconds - spent) / (self.cooldown_share * self.seconds))
        return self.learning_rate * min(1.0, (step + 1) / self.warmup_steps, math.sqrt(left))

    def half_size(self, spent: float) -> bool:
        """Whether clips are halved at this time."""
        return spent < self.half_size_share * self.seconds


class Run:
    """A pretraining that can be stopped and gone on with."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder, self.plan = folder, plan
        torch.manual_seed(0)
        self.model = Pretraining()
        self.average = {name: value.detach().clone() for name, value in self.model.state_dict().items()}
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=0.01, fused=True
        )
        self.autoencoder = PatchAutoencoder()
        self.step, self.spent = 0, 0.0
        self.signal, self.noise = signal_and_noise()

    def batch(self) -> tuple[Tensor, Tensor]:
        """Latents b c f h w and condition weights of this step's clips."""
        half = self.plan.half_size(self.spent)
        count = self.plan.half_batch if half else self.plan.full_batch
        examples = [draw_example((self.step * 16 + index) * 2 + 10) for index in range(count)]
        frames = torch.stack([example[0] for example in examples])
        flat = frames.flatten(0, 1)
        latents = self.autoencoder.encode(F.avg_pool2d(flat, 2) if half else flat)
        latents = latents.unflatten(0, frames.shape[:2]).transpose(1, 2).contiguous()
        return latents, torch.stack([example[1] for example in examples])

    def loss(self, latents: Tensor, conditions: Tensor) -> Tensor:
        """Velocity error; frame 0 is given clean in six of seven steps and then left out."""
        generator = torch.Generator().manual_seed(self.step)
        count = len(latents)
        offset = float(torch.rand((), generator=generator))
        spread = (torch.arange(count) + offset) / count
        timestep = ((spread + self.step * 0.6180339887) % 1 * TRAIN_STEPS).long()
        signal, level = (table[timestep].view(-1, 1, 1, 1, 1) for table in (self.signal, self.noise))
        fresh = torch.randn(latents.shape, generator=generator)
        noisy = signal * latents + level * fresh
        given = bool(torch.rand((), generator=generator) < 6 / 7)
        if given:
            noisy[:, :, 0] = latents[:, :, 0]
        with torch.autocast("cpu", dtype=torch.bfloat16), sdpa_kernel(SDPBackend.MATH):
            predicted = self.model(noisy, timestep, conditions)
        error = (predicted.float() - (signal * fresh - level * latents)) ** 2
        return (error[:, :, 1:] if given else error).mean()

    def take_step(self) -> float:
        """One update; gives the loss."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.plan.rate(self.step, self.spent)
        loss = self.loss(*self.batch())
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        keep = min(0.999, (self.step + 1) / (self.step + 20))
        with torch.no_grad():
            state = self.model.state_dict()
            torch._foreach_lerp_([self.average[n] for n in state], list(state.values()), 1 - keep)
        self.step += 1
        return float(loss.detach())

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

    def go(self) -> None:
        """Train until the planned time is spent; a line every 20 steps, a state every 200."""
        self.resume()
        losses: list[float] = []
        while self.spent < self.plan.seconds:
            began = time.monotonic()
            losses.append(self.take_step())
            self.spent += time.monotonic() - began
            if self.step % 20 == 0:
                self._report(sum(losses) / len(losses))
                losses.clear()
            if self.step % 200 == 0:
                self.save()
        self.save()

    def _report(self, loss: float) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        facts = {
            "step": self.step,
            "loss": round(loss, 5),
            "minutes": round(self.spent / 60, 2),
            "half": self.plan.half_size(self.spent),
        }
        with (self.folder / "log.jsonl").open("a") as log:
            log.write(json.dumps(facts) + "\n")


def main() -> None:
    """Command line of the pretraining."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="training time in all, resumed runs included")
    parser.add_argument("--work", type=Path, default=Path(".pretraining/nano"), help="folder of the run's state")
    options = parser.parse_args()
    Run(options.work, Plan(options.minutes * 60)).go()


if __name__ == "__main__":
    main()
