"""Pretrains `nano`, the embedded base, on generated clips: `python -m engine.pretraining.nano --minutes 60`.

Run again it goes on where it stopped: weights, averages, optimiser and step lie in the work folder. The first part of
the time goes to short clips, which cost less, so that more different ones are seen; the learning rate is constant and
falls to zero over the last part of the time.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from diffusers import UNetMotionModel
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from engine.bases.motion_autoencoder import MotionAutoencoder
from engine.bases.unet_motion import beside_frame_0
from engine.pretraining.scenes.canvas import Canvas
from engine.pretraining.scenes.catalog import CAMERAS, ELEMENTS, STILL, draw_clip, draw_scene, seconds_of
from engine.pretraining.scenes.draws import Draws
from engine.sampling.schedule import schedule_of
from registry_schema.noise_schedule import Diffusion

if TYPE_CHECKING:
    from jaxtyping import Float

CANVAS = Canvas(80, 128)
FRAMES, FPS = 16, 8.0
TOKENS, TOKEN_WIDTH = 4, 128
ABSENT = ("camera-zoom-out",)
"""Kept out of pretraining, so that an adapter for it shows what few clips can teach."""
MOTIONS = (STILL, *ELEMENTS, *(name for name in CAMERAS if name not in ABSENT))
FIRST_LEARNT = ("waterfall", "clouds", "birds-flying")
"""Families that are shown more often than others, so that a base trained for an hour moves some things well."""
SHARES = {"still": 0.02, "camera": 0.05, "first": 0.85}
CONDITIONS = (*MOTIONS, "mirrored", "null")
"""Rows of the condition table: motions, what is added to one that heads left instead of right, and nothing known."""
SCHEDULE = Diffusion(
    betas="scaled_linear",
    beta_start=0.00085,
    beta_end=0.03,
    zero_terminal_snr=True,
    prediction="sample",
    spacing="trailing",
)


def build_denoiser() -> UNetMotionModel:
    """The untrained network: 15.5 million parameters, two levels with spatial and temporal attention on both."""
    return UNetMotionModel(
        in_channels=MotionAutoencoder.channels + MotionAutoencoder.picture_channels,
        out_channels=MotionAutoencoder.channels,
        block_out_channels=(128, 192),
        down_block_types=("CrossAttnDownBlockMotion", "CrossAttnDownBlockMotion"),
        up_block_types=("CrossAttnUpBlockMotion", "CrossAttnUpBlockMotion"),
        layers_per_block=1,
        cross_attention_dim=TOKEN_WIDTH,
        num_attention_heads=(4, 6),
        motion_num_attention_heads=(4, 6),
        motion_max_seq_length=32,
        norm_num_groups=16,
        use_motion_mid_block=True,
    )


class Pretraining(nn.Module):
    """The network and its table of conditions, one row of tokens for each of `CONDITIONS`."""

    def __init__(self) -> None:
        super().__init__()
        self.denoiser = build_denoiser()
        self.conditions = nn.Parameter(torch.randn(len(CONDITIONS), TOKENS, TOKEN_WIDTH) * 0.5)

    def forward(self, noisy: Tensor, timestep: Tensor, weights: Float[Tensor, "b m"]) -> Tensor:
        """The clip behind the noise; `weights` says how much of each row of conditions each clip gets."""
        tokens = torch.einsum("bm,mtd->btd", weights, self.conditions)
        tokens = tokens.repeat_interleave(noisy.shape[2], 0)
        return self.denoiser(beside_frame_0(noisy, self.denoiser.config.in_channels), timestep, tokens).sample


@dataclass(frozen=True)
class Example:
    """A clip to learn from.

    Args:
        frames: pixels in [-1, 1].
        origin: where each pixel came from in frame 0, in pixels relative to it.
        weights: of the rows of `CONDITIONS`.
    """

    frames: Float[Tensor, "3 f h w"]
    origin: Float[Tensor, "2 f h w"]
    weights: Float[Tensor, "m"]


def draw_motion(draws: Draws) -> str:
    """A motion to show: mostly of things, sometimes of the camera, seldom none."""
    kind = draws.uniform(0, 1)
    for names, share in (
        ((STILL,), SHARES["still"]),
        (tuple(name for name in MOTIONS if name in CAMERAS), SHARES["camera"]),
        (FIRST_LEARNT, SHARES["first"]),
    ):
        if kind < share:
            return draws.choice(names)
        kind -= share
    return draws.choice(tuple(ELEMENTS))


def draw_example(seed: int, frames: int = FRAMES) -> Example:
    """A random clip and the condition that names what moves in it.

    One in six shows two motions at once; half of them also hold things that could move but do not; half are mirrored;
    one in twenty shows the white mask of what moves in place of the picture.
    """
    draws = Draws(seed)
    others = tuple({draws.choice(tuple(ELEMENTS)) for _ in range(draws.integer(0, 2))})
    motion = draw_motion(draws)
    if motion in ELEMENTS and draws.chance(1 / 6):
        moving = (motion, draws.choice(tuple(ELEMENTS)))
        clip = draw_scene(draws, CANVAS, (*moving, *others)).clip(moving, seconds_of(frames, FPS))
    else:
        rest = tuple(other for other in others if other != motion)
        clip = draw_clip(seed + 1, motion, CANVAS, frames=frames, fps=FPS, others=rest)
    pictures, origin = clip.frames.transpose(0, 1), clip.origin.transpose(0, 1)
    if draws.chance(0.05):
        pictures = (clip.mask * 2 - 1).expand_as(clip.frames).transpose(0, 1)
    mirrored = draws.chance(0.5) and motion not in CAMERAS
    if mirrored:
        pictures, origin = pictures.flip(-1), origin.flip(-1) * torch.tensor([-1.0, 1.0])[:, None, None, None]
    named = () if draws.chance(0.15) else tuple(dict.fromkeys(clip.motions)) or (STILL,)
    return Example(pictures, origin, condition_weights(named, mirrored=mirrored))


def condition_weights(named: tuple[str, ...], *, mirrored: bool = False) -> Float[Tensor, "m"]:
    """Equal parts of the motions' rows, plus the row of mirrored ones; all of the null row where none is named."""
    weights = torch.zeros(len(CONDITIONS))
    for name in named:
        weights[CONDITIONS.index(name)] = 1 / len(named)
    weights[CONDITIONS.index("mirrored")] = float(mirrored and bool(named))
    weights[CONDITIONS.index("null")] = float(not named)
    return weights


@dataclass(frozen=True)
class Plan:
    """How long, and how the time is used."""

    seconds: float
    shares: tuple[float, ...] = (0.72, 0.02, 0.06, 0.2)
    cooldown_share: float = 0.35
    learning_rate: float = 4e-4
    warmup_steps: int = 100
    frames_a_step: int = 32

    def rate(self, step: int, spent: float) -> float:
        """Learning rate: warm-up, constant, and a fall to zero as the square root of what is left."""
        left = max(0.0, (self.seconds - spent) / (self.cooldown_share * self.seconds))
        return self.learning_rate * min(1.0, (step + 1) / self.warmup_steps, math.sqrt(left))

    def frames(self, spent: float) -> int:
        """How long clips are at this time: twice as long from one share of it to the next, up to all of the length."""
        past = sum(spent >= share * self.seconds for share in accumulate(self.shares[:-1]))
        return FRAMES >> (len(self.shares) - 1 - past)


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
        self.autoencoder = MotionAutoencoder()
        self.schedule = schedule_of(SCHEDULE)
        self.step, self.spent = 0, 0.0

    def batch(self) -> tuple[Tensor, Tensor]:
        """Latents b c f h w and condition weights of this step's clips."""
        frames = self.plan.frames(self.spent)
        count = max(1, self.plan.frames_a_step // frames)
        examples = [draw_example((self.step * 16 + index) * 2 + 10, frames) for index in range(count)]
        pixels, origins = (torch.stack(parts) for parts in zip(*((e.frames, e.origin) for e in examples), strict=True))
        latents = self.autoencoder.encode_moving(pixels, origins)
        return latents.contiguous(), torch.stack([example.weights for example in examples])

    def loss(self, latents: Tensor, conditions: Tensor) -> Tensor:
        """Error of the clean clip; frame 0 is given clean in nineteen of twenty steps and then left out.

        Timesteps are drawn in proportion to their cubes: under strong noise the photo alone says what moves.
        """
        generator = torch.Generator().manual_seed(self.step)
        count = len(latents)
        spread = (torch.arange(count) + torch.rand((), generator=generator)) / count
        timestep = self.schedule.timestep_at(((spread + self.step * 0.6180339887) % 1) ** 0.25)
        noise = torch.randn(latents.shape, generator=generator)
        noisy = self.schedule.add_noise(latents, noise, timestep)
        given = bool(torch.rand((), generator=generator) < 0.95)
        if given:
            noisy[:, :, 0] = latents[:, :, 0]
        with torch.autocast("cpu", dtype=torch.bfloat16), sdpa_kernel(SDPBackend.MATH):
            predicted = self.model(noisy, timestep, conditions)
        error = (predicted.float() - self.schedule.target(latents, noise, timestep)) ** 2
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
            "frames": self.plan.frames(self.spent),
        }
        with (self.folder / "log.jsonl").open("a") as log:
            log.write(json.dumps(facts) + "\n")


def main() -> None:
    """Command line of the pretraining."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="training time in all, resumed runs included")
    parser.add_argument("--work", type=Path, default=Path(".pretraining/nano"), help="folder of the run's state")
    parser.add_argument("--start-from", type=Path, metavar="BASE", help="folder of an exported base to begin with")
    options = parser.parse_args()
    run = Run(options.work, Plan(options.minutes * 60))
    if options.start_from:
        run.start_from(options.start_from)
    run.go()


if __name__ == "__main__":
    main()
