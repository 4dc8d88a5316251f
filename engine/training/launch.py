"""Starts one process for each device of this machine, with torch's own launcher."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

import torch
from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from registry_schema.errors import Interrupted, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Sequence

PATIENCE_SECONDS: Final = 600


def run_on_devices(module: str, arguments: Sequence[str], count: int) -> int:
    """Runs `python -m MODULE ARGUMENTS` once for each of `count` devices, as `torchrun` would; says its exit code.

    Without graphics cards the processes share the processor, which is for trying things out.

    Args:
        module: that is run.
        arguments: of its command line.
        count: of processes.

    Raises:
        UsageProblem: this machine has fewer graphics cards.
        Interrupted: Ctrl-C or a termination signal, which every process was told of and has answered.
    """
    cards = torch.cuda.device_count()
    if cards and count > cards:
        raise UsageProblem(f"`--gpus` is `{count}`, this machine has {cards}", hint=f"pass `--gpus {cards}`")
    # how long a step and a save may take once somebody asked to stop; torch kills after half a minute by itself
    os.environ.setdefault("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", str(PATIENCE_SECONDS))
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=count,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
        run_id="mivactl",
    )
    try:
        elastic_launch(config, sys.executable)("-m", module, *arguments)
    except SignalException as stop:
        raise Interrupted(
            f"training on {count} devices was stopped", hint="run the same command with `--resume` to go on"
        ) from stop
    except ChildFailedError as failed:
        # processes that only lost the others end by a signal: what went wrong is in another one's exit code
        codes = [failure.exitcode for failure in failed.failures.values()]
        return next((code for code in codes if code > 0), 1)
    return 0
