"""What this machine computes on and how much memory that has, asked of the system; free of torch.

Which base runs is decided before torch is loaded. What torch itself would choose is in `engine.device`.
"""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Final, Literal

GIB: Final = 1 << 30
SLOW_ON_A_PROCESSOR: Final = 200_000_000
"""Parameters from which a processor alone takes hours for a clip, where a graphics card takes a minute."""
WORKING_ROOM_BYTES: Final = 2 * GIB
"""For activations and the autoencoder: an estimate for clips of a base's own size."""
_ASK: Final = ("nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits")
_ASK_SECONDS: Final = 5

Room = Literal["runs", "slow", "too large"]


@dataclass(frozen=True)
class Machine:
    """The device that torch would take, and its memory in bytes (0 where nobody knows)."""

    device: Literal["cuda", "mps", "cpu"]
    memory_bytes: int

    def room_for(self, parameters: int) -> Room:
        """Whether a denoiser of so many parameters runs here; `slow` is one that a processor would have to run."""
        on_processor = self.device == "cpu"
        needed = parameters * (4 if on_processor else 2) + WORKING_ROOM_BYTES
        if self.memory_bytes and needed > self.memory_bytes and parameters > SLOW_ON_A_PROCESSOR:
            return "too large"
        return "slow" if on_processor and parameters > SLOW_ON_A_PROCESSOR else "runs"


def room_here(parameters: int) -> Room:
    """The same on this machine; it is not asked about small denoisers, which run everywhere."""
    return "runs" if parameters <= SLOW_ON_A_PROCESSOR else this_machine().room_for(parameters)


@cache
def this_machine() -> Machine:
    """The machine this process runs on."""
    graphics = _cuda_bytes()
    if graphics:
        return Machine("cuda", graphics)
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return Machine("mps", _memory_bytes())
    return Machine("cpu", _memory_bytes())


def _cuda_bytes() -> int:
    """Memory of the first NVIDIA card, 0 where there is none or torch was built without CUDA."""
    if not _torch_has_cuda() or os.environ.get("CUDA_VISIBLE_DEVICES") in {"", "-1"}:
        return 0
    try:
        answer = subprocess.run(_ASK, capture_output=True, text=True, check=True, timeout=_ASK_SECONDS).stdout
        return int(answer.split()[0]) << 20
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return 0


def _torch_has_cuda() -> bool:
    try:
        return not version("torch").endswith("+cpu")
    except PackageNotFoundError:
        return False


def _memory_bytes() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 0
