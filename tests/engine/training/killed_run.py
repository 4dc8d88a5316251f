"""Trains in a process of its own and kills it: `python killed_run.py RUN_DIR KILL_AFTER_STEP`.

With a third argument the process dies in the middle of the save that comes after that step.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import torch

from engine.training.events import StepDone
from tests.engine.training.runs import STEPS, trainer


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(folder: Path, last_step: int, *, in_save: bool) -> None:
    torch.set_num_threads(1)
    for event in trainer(folder, steps=STEPS).fit():
        if isinstance(event, StepDone) and event.step == last_step:
            if not in_save:
                die()
            Path.rename = die


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), in_save=len(sys.argv) > 3)
