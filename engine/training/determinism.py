"""Only kernels whose result does not depend on timing, while a run asks for it."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"


@contextmanager
def determined(*, wanted: bool) -> Iterator[None]:
    """While the block runs, torch refuses kernels that add up in changing order; nothing is changed if not `wanted`.

    On a processor all kernels that training uses are of this kind already. On CUDA it costs speed, and the same numbers
    still need the same card and the same versions.
    """
    if not wanted:
        yield
        return
    before = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark
    # cuBLAS reads it when it is first used
    os.environ.setdefault(WORKSPACE, ":4096:8")
    torch.use_deterministic_algorithms(mode=True)
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(mode=before[0])
        torch.backends.cudnn.benchmark = before[1]
