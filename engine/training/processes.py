"""The processes that train one adapter together: one alone, or one for each device, joined by Accelerate."""

from __future__ import annotations

import os
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from engine.device import choose_device

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager

    from accelerate import Accelerator


@dataclass(frozen=True)
class Processes:
    """This process among those of its run.

    Every process has the whole adapter and takes the same steps; the batches of a step are shared out, and gradients
    are added up before the optimiser sees them. Only the first process writes.

    Attributes:
        accelerator: what joins them; None for a process alone.
    """

    accelerator: Accelerator | None = None

    @property
    def count(self) -> int:
        """How many there are."""
        return self.accelerator.num_processes if self.accelerator else 1

    @property
    def rank(self) -> int:
        """This one's place, from 0."""
        return self.accelerator.process_index if self.accelerator else 0

    @property
    def is_first(self) -> bool:
        """Whether this one writes."""
        return self.rank == 0

    @property
    def device(self) -> torch.device:
        """What this process computes on."""
        return self.accelerator.device if self.accelerator else choose_device()

    def first_goes_first(self) -> AbstractContextManager[object]:
        """The block is run by the first process, then by all others: they find what it made."""
        return self.accelerator.main_process_first() if self.accelerator else nullcontext()

    def add_up(self, tensors: Iterable[torch.Tensor]) -> None:
        """Replaces tensors of one format by their sums over all processes, in one message."""
        if self.accelerator is None:
            return
        own = list(tensors)
        flat = torch.cat([tensor.reshape(-1) for tensor in own])
        total = self.accelerator.reduce(flat, reduction="sum")
        for tensor, part in zip(own, total.split([tensor.numel() for tensor in own]), strict=True):
            tensor.copy_(part.view_as(tensor))

    def sum_of(self, number: float) -> float:
        """The sum of every process's number; all get the same."""
        if self.accelerator is None:
            return number
        mine = torch.tensor(number, dtype=torch.float64 if self.device.type != "mps" else torch.float32)
        return float(self.accelerator.reduce(mine.to(self.device), reduction="sum"))


ALONE = Processes()


def among_many() -> bool:
    """Whether torchrun, or Accelerate's launcher, started this process as one of several."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


@contextmanager
def joined_processes() -> Iterator[Processes]:
    """This process and those that were started with it, which wait for each other while the block runs."""
    if not among_many():
        yield ALONE
        return
    from datetime import timedelta

    from accelerate import Accelerator, InitProcessGroupKwargs

    # the first process renders previews while the others wait
    patience = InitProcessGroupKwargs(timeout=timedelta(hours=6))
    accelerator = Accelerator(cpu=choose_device().type == "cpu", kwargs_handlers=[patience])
    try:
        yield Processes(accelerator)
    finally:
        accelerator.end_training()
        # it leaves the group itself, which not every release of Accelerate has done
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
