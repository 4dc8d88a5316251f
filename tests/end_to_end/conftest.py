"""What the stories share: one thread for torch, so that a busy machine does not make them slow."""

from __future__ import annotations

import torch

torch.set_num_threads(1)
