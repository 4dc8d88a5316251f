"""Which of torch's attention kernels a training uses."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def trainable_attention(device: torch.device, dtype: torch.dtype) -> Iterator[None]:
    """The kernels whose backward pass is fast, while the block runs.

    On processors torch's fused attention in bfloat16 takes 3 to 17 times as long backward as forward (torch 2.13,
    sequences of 16 to 160 tokens); plain matrix products do both in a tenth of that, and round less.
    """
    if device.type == "cpu" and dtype != torch.float32:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    else:
        yield
