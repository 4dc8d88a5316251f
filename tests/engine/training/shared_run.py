"""Trains in one of several processes: `python -m tests.engine.training.shared_run RUN_DIR [STOP_AFTER]`.

Each process leaves how many they are and the weights that it ended with; with STOP_AFTER the second one is asked to
stop after so many steps.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from engine.adapters.miva import MivaAdapter
from engine.training.adapter_plan import plan_adapter
from engine.training.events import StepDone
from engine.training.processes import joined_processes
from engine.training.shared_recipe import shared_recipe
from engine.training.trainer import Trainer
from registry_schema.errors import Interrupted
from tests.engine.tiny_bases import tiny_unet_base
from tests.engine.training.drawn_examples import DrawnExamples
from tests.engine.training.runs import recipe

STEPS = 6


def main(folder: Path, stop_after: int | None) -> None:
    torch.set_num_threads(1)
    base = tiny_unet_base()
    with joined_processes() as processes:
        chosen = shared_recipe(recipe(base, f"optimiser.steps={STEPS}"), processes.count)
        adapter = MivaAdapter.create(plan_adapter(chosen, base.spec), base.sites(), seed=chosen.run.seed)
        trainer = Trainer(base, adapter, DrawnExamples(), chosen, folder / "run", processes=processes)
        stopped = False
        try:
            for event in trainer.fit():
                if processes.rank == 1 and isinstance(event, StepDone) and event.step == stop_after:
                    os.kill(os.getpid(), signal.SIGTERM)
        except Interrupted:
            stopped = True
        told = {"count": processes.count, "step": trainer.counters.step, "stopped": stopped}
        (folder / f"told-{processes.rank}.json").write_text(json.dumps(told))
        save_file(dict(adapter.state_dict()), folder / f"weights-{processes.rank}.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None)
