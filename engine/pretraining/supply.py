"""What other processes draw, kept on a device and shown from again and again.

A GPU learns from clips several times as fast as all cores beside it draw them, so each is shown several times, each
time at another timestep and under other noise. Drawn tensors come through pipes: that needs no shared memory.
"""

from __future__ import annotations

import itertools
import multiprocessing
from multiprocessing.connection import Connection, wait
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.process import BaseProcess

Drawn = tuple[Tensor, ...]
"""What belongs to one example, or with an axis in front to several."""


class Supply:
    """Processes that draw examples without end.

    Args:
        draw: one example from a seed; a function of a module, since the processes find it by its name.
        processes: how many.
        first_seed: seeds go up from it in twos.
    """

    def __init__(self, draw: Callable[[int], Drawn], *, processes: int, first_seed: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._drawn: SimpleQueue[Drawn] = SimpleQueue()
        self._pipes: list[Connection] = []
        self._processes: list[BaseProcess] = []
        for rank in range(processes):
            receiver, sender = context.Pipe(duplex=False)
            seeds = (first_seed + 2 * rank, 2 * processes)
            process = context.Process(target=_draw_without_end, args=(sender, draw, *seeds), daemon=True)
            process.start()
            sender.close()
            self._processes.append(process)
            self._pipes.append(receiver)
        Thread(target=self._listen, daemon=True).start()

    def take(self, count: int) -> Drawn | None:
        """The next `count` examples, stacked; None while there are fewer."""
        if self._drawn.qsize() < count:
            return None
        drawn = [self._drawn.get() for _ in range(count)]
        return tuple(torch.stack(parts) for parts in zip(*drawn, strict=True))

    def close(self) -> None:
        """End the processes; what was drawn can still be taken."""
        for process in self._processes:
            process.terminate()

    def _listen(self) -> None:
        while self._pipes:
            ready = wait(self._pipes)
            for pipe in [pipe for pipe in self._pipes if pipe in ready]:
                try:
                    self._drawn.put(tuple(torch.from_numpy(array) for array in pipe.recv()))
                except (EOFError, OSError):  # its process has ended, perhaps in the middle of an example
                    self._pipes.remove(pipe)


def _draw_without_end(pipe: Connection, draw: Callable[[int], Drawn], first_seed: int, apart: int) -> None:
    torch.set_num_threads(1)
    try:
        for seed in itertools.count(first_seed, apart):
            pipe.send([tensor.numpy() for tensor in draw(seed)])
    except (BrokenPipeError, KeyboardInterrupt):
        return


class Memory:
    """The latest examples, as many as fit.

    Args:
        capacity: how many.
        device: where they lie, in half precision if they are floats.
    """

    def __init__(self, capacity: int, device: torch.device) -> None:
        self.capacity, self.device = capacity, device
        self.held, self._next = 0, 0
        self._kept: Drawn = ()

    def put(self, examples: Drawn) -> None:
        """Keep these, in place of the oldest if there is no room."""
        if not self._kept:
            self._kept = tuple(self._room(part) for part in examples)
        count = len(examples[0])
        places = (torch.arange(count) + self._next) % self.capacity
        for kept, part in zip(self._kept, examples, strict=True):
            kept[places.to(self.device)] = part.to(self.device, kept.dtype)
        self._next = (self._next + count) % self.capacity
        self.held = min(self.capacity, self.held + count)

    def draw(self, count: int) -> Drawn:
        """Any `count` of them."""
        places = torch.randint(self.held, (count,)).to(self.device)
        return tuple(kept[places] for kept in self._kept)

    def _room(self, part: Tensor) -> Tensor:
        kind = torch.half if part.is_floating_point() else part.dtype
        return torch.empty((self.capacity, *part.shape[1:]), dtype=kind, device=self.device)
