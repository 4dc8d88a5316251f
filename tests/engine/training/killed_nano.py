"""Trains `nano` in a process of its own: `python killed_nano.py RUN_DIR CLIPS STEPS [KILL_AFTER]`.

With KILL_AFTER the process is killed in the middle of the save after that step: some of its files are written.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from engine.bases.catalog import load_base
from engine.progress import SilentProgress
from engine.recipe import apply_overrides, base_defaults, recipe_from_dict
from engine.training import run_state
from engine.training.run import Footage, RunPlace, run_training

CHOICES = (
    "adapter.motion=square",
    "clips.windows=1",
    "evaluation.times=3",
    "evaluation.previews=1",
    "evaluation.points=2",
    # the length is no part of a cosine that stops early
    "optimiser.schedule=constant",
    "run.checkpoint_seconds=0.0",
)


def kill_in_save(number: int) -> None:
    """From the save of step `number` on, the process dies after the first of its files."""

    def half(tensors: dict[str, torch.Tensor], path: Path) -> None:
        save_file(tensors, path)
        if f"step-{number:08d}" in str(path):
            os.kill(os.getpid(), signal.SIGKILL)

    run_state.save_file = half


def main(folder: Path, clips: Path, steps: int, killed: int | None) -> None:
    torch.set_num_threads(1)
    base = load_base("nano", device=torch.device("cpu"), dtype=torch.float32)
    # 23 is no multiple of it: the last whole state is older than the step that dies
    choices = (*CHOICES, f"optimiser.steps={steps}", "run.checkpoint_steps=1" if killed else "run.checkpoint_steps=50")
    if killed:
        kill_in_save(killed)
    recipe = recipe_from_dict(apply_overrides(base_defaults(base.spec), choices))
    place = RunPlace(folder=folder, resume=True)
    run_training(base, Footage(clips), recipe, place, progress=SilentProgress())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]) if len(sys.argv) > 4 else None)
