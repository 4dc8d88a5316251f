"""The most memory that a stretch of work had: of the card it ran on, else of this process."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

import torch

from engine.bases.memory_set import CONTEXT_BYTES

_STATUS: Final = Path("/proc/self/status")
_CLEAR: Final = Path("/proc/self/clear_refs")
_FORGET_PEAK: Final = "5"


class PeakMemory:
    """Counts from when it is made.

    Args:
        device: where the work is done.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        elif os.access(_CLEAR, os.W_OK):
            _CLEAR.write_text(_FORGET_PEAK)

    @property
    def bytes(self) -> int:
        """The most so far; on systems other than Linux that of the whole life of the process."""
        if self._device.type == "cuda":
            return torch.cuda.max_memory_reserved(self._device) + CONTEXT_BYTES
        if _STATUS.exists():
            line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
            return int(line.split()[1]) << 10
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
